// The kinds of op: every file in kinds/ is one. Adding a kind is adding a file.
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { TriplaneError } from "@triplane/contract";
import type { OpKind } from "../kind.ts";

const FOLDER = join(import.meta.dirname, "..", "kinds");

/** Throws `internal` for a file that is no kind, or is not named after its kind. */
export async function loadKinds(folder: string = FOLDER): Promise<ReadonlyMap<string, OpKind>> {
  const kinds = new Map<string, OpKind>();
  const files = (await readdir(folder)).filter(
    (file) => /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.[jt]s$/.test(file) && !file.endsWith(".test.ts"),
  );
  for (const file of files.sort()) {
    const module: { readonly kind?: OpKind } = await import(pathToFileURL(join(folder, file)).href);
    const name = basename(file).replace(/\.[jt]s$/, "");
    if (module.kind?.name !== name) throw new TriplaneError("internal", `${file} does not export a kind called ${name}`);
    kinds.set(name, module.kind);
  }
  return kinds;
}
