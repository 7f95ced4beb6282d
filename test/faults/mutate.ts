// Loaded with `node --import` before a daemon: changes the product's text as the mutant named in TRIPLANE_MUTANT says, while it is loaded.
//
// Throws where a mutant does not fit the text any more, and leaves a file for each text that it changed, so that a test sees it was used.
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Edit, MUTANTS } from "./mutants.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Throws unless the text to replace is there exactly once. */
export function edited(text: string, { file, find, put }: Edit): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`a mutant does not fit: ${file} has ${parts.length - 1} times ${JSON.stringify(find)}`);
  return parts.join(put);
}

/** The texts that a mutant changes, by URL. */
export function editsByUrl(edits: readonly Edit[]): Map<string, Edit[]> {
  return Map.groupBy(edits, ({ file }) => pathToFileURL(join(ROOT, file)).href);
}

const name = process.env["TRIPLANE_MUTANT"];
if (name !== undefined) {
  const mutant = MUTANTS.find((each) => each.name === name);
  if (mutant === undefined && name !== "none") throw new Error(`there is no mutant ${name}`);
  const edits = editsByUrl(mutant?.edits ?? []);
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const ours = edits.get(url);
      if (ours === undefined) return loaded;
      const source = ours.reduce(edited, text(loaded.source));
      writeFileSync(join(process.env["TRIPLANE_FAULTS_DIR"] ?? ".", `mutated.${name}.${basename(new URL(url).pathname)}`), "");
      return { ...loaded, source };
    },
  });
}

function text(source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string {
  if (source === undefined) throw new Error("a module came without its text");
  return typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString("utf8");
}
