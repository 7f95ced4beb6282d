// Reading one of our own files: as data where it is data, by the nickel program where it computes, imports or uses contracts of its own.
//
// 1. The declarative reader always comes first; what it can read is never evaluated.
// 2. The program is asked only about files that this user or the superuser wrote, all of them inside the root.
// 3. What comes from elsewhere (a governed repository, an op, a build's context) is never given to this: use `readNickel`.
import { dirname, relative, resolve, sep } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type NickelDocument, toJson } from "../document.ts";
import { DEFAULT_LIMITS, type NickelLimits } from "../limits.ts";
import { problemsOf, withProblems } from "../pictures/problems.ts";
import { exportTextWithNickel, type NickelProgram } from "../program/bridge.ts";
import { diskReader, type FileReader, readNickelFile } from "../read.ts";
import { positionOfPlace, Source } from "../source-position.ts";
import { importClosure } from "./import-closure.ts";
import { fromTagged, taggedProgram } from "./tagged.ts";
import { distrust } from "./trust.ts";

export interface TrustedOptions {
  /** The nickel program (`findTool("nickel")`); without it, only data is read. */
  readonly nickel?: NickelProgram | undefined;
  /** The folder that the file and all it imports lie in. Default: the file's own folder. */
  readonly root?: string;
  /** The root as people know it; messages put it before the paths of files. Default: the root. */
  readonly displayRoot?: string;
  readonly limits?: Partial<NickelLimits>;
  readonly reader?: FileReader;
}

export interface TrustedReading extends NickelDocument {
  /** `reader`: nothing was evaluated. `nickel`: the nickel program evaluated it; then `positionOf` knows the file only, line 1. */
  readonly way: "reader" | "nickel";
  /** Why this way was taken, for people. */
  readonly because: string;
}

/**
 * Reads a file that somebody on this machine is answerable for, and says which way it took.
 *
 * Throws as `readNickelFile`; where the program was asked, `nickel_program_failed`. A refusal of the reader that the program could have lifted says in
 * its hint why the program was not asked.
 *
 * @example
 * const { value, way } = await readTrusted("provisioning/adrs/adr-045.ncl", { root: "provisioning", nickel: { program: (await findTool("nickel")).path } });
 */
export async function readTrusted(file: string, options: TrustedOptions = {}): Promise<TrustedReading> {
  const root = resolve(options.root ?? dirname(file));
  const path = relative(root, resolve(file));
  const displayRoot = options.displayRoot ?? options.root ?? dirname(file);
  const reader = options.reader ?? diskReader;
  const limits: NickelLimits = { ...DEFAULT_LIMITS, ...options.limits };
  try {
    return { ...readNickelFile(root, path, reader, { limits, displayRoot }), way: "reader", because: "it is data, nothing was evaluated" };
  } catch (refusal) {
    if (!(refusal instanceof TriplaneError) || !isBeyondReader(refusal)) throw refusal;
    const { nickel } = options;
    if (nickel === undefined)
      throw explained(refusal, "there is no nickel program, so only data is read (`npm run tools nickel` brings it)");
    const realRoot = reader.realpath(root);
    const importPaths = (nickel.importPaths ?? [realRoot]).map((folder) => reader.realpath(resolve(folder)));
    const closure = importClosure(reader.realpath(resolve(file)), { root: realRoot, importPaths, reader, limits });
    const reason = distrust(closure);
    if (reason !== undefined) throw explained(refusal, `it is not evaluated, because ${reason}`);
    const json = await exportTextWithNickel(taggedProgram(resolve(file)), { ...nickel, importPaths });
    const value = fromTagged(json, limits.maxDepth);
    const shown = [displayRoot, path.split(sep).join("/")].filter((part) => part !== "" && part !== ".").join("/");
    const place = { source: new Source(shown, new TextDecoder().decode(reader.read(resolve(file)))), offset: 0 };
    return {
      value,
      json: toJson(value),
      placeOf: () => place,
      positionOf: () => positionOfPlace(place),
      way: "nickel",
      because: `the reader says ${refusal.message}`,
    };
  }
}

/** Whether it is valid Nickel as far as the reader can see, only more than data. */
function isBeyondReader({ code, details }: TriplaneError): boolean {
  return (code === "nickel_not_declarative" && details["construct"] !== "field name `__proto__`") || details["validNickel"] === true;
}

function explained(refusal: TriplaneError, why: string): TriplaneError {
  const hint = `${refusal.hint} The nickel program could read more: ${why}.`;
  const failure = new TriplaneError(refusal.code, refusal.message, { cause: refusal, hint, details: refusal.details });
  return withProblems(failure, problemsOf(refusal));
}
