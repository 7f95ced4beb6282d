// The files that a Nickel program could read: what stands behind every `import` in it, and in those, and so on.
//
// 1. Nickel's imports are string literals, so they are known before anything is evaluated; `nickel` itself confines nothing.
// 2. What looks like an import counts as one, also in comments and strings: the closure may be too large, never too small.
// 3. Every file of the closure lies inside the root, links followed; else nothing is evaluated.
import { dirname, isAbsolute, relative, sep } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { NickelLimits } from "../limits.ts";
import type { FileReader } from "../read.ts";
import { failAt } from "../refusals.ts";
import { Source } from "../source-position.ts";

/** The word, blanks and comments, and what begins the name: a string, standard or multi-line. */
const IMPORT = /import(?:\s|#[^\n]*(?:\n|$))*(m%+"|")/g;
const LITERAL = /"((?:[^"\\%]|%(?!\{))*)"/y;

export interface ClosureOptions {
  /** Absolute, links followed. */
  readonly root: string;
  /** Folders, absolute and links followed, in which imports are looked for besides the importing file's own. */
  readonly importPaths: readonly string[];
  readonly reader: FileReader;
  readonly limits: NickelLimits;
}

/**
 * The real paths of `file` and of all that it can import. Throws `nickel_import_refused` where one lies outside the root or its name cannot be read,
 * `nickel_too_large` where there are too many.
 */
export function importClosure(file: string, options: ClosureOptions): readonly string[] {
  const { reader, limits } = options;
  const seen = new Set<string>();
  const waiting = [inside(file, options.root)];
  let bytes = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    bytes += reader.sizeBytes(path);
    if (seen.size > limits.maxImports || bytes > limits.maxTotalBytes)
      throw new TriplaneError("nickel_too_large", `${file} imports more than ${limits.maxImports} files or ${limits.maxTotalBytes} bytes`);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(reader.read(path));
    for (const target of importsOf(text, path))
      for (const folder of [dirname(path), ...options.importPaths]) {
        const real = realOf(`${folder}/${target}`, reader);
        if (real !== undefined) waiting.push(inside(real, options.root));
      }
  }
  return [...seen].sort();
}

/** The names behind every import of a text. */
function* importsOf(text: string, file: string): Generator<string> {
  const source = new Source(file, text);
  for (const match of text.matchAll(IMPORT)) {
    const opening = match[1] ?? "";
    const refuse = (why: string) => failAt("nickel_import_refused", { source, offset: match.index }, why);
    LITERAL.lastIndex = match.index + match[0].length - opening.length;
    const name = opening === '"' ? LITERAL.exec(text)?.[1] : undefined;
    if (name === undefined) throw refuse("what is imported must be a plain string, without escapes");
    const steps = name.split("/");
    const down = steps.findIndex((step) => step !== ".." && step !== ".");
    if (isAbsolute(name) || /^[A-Za-z]:|\p{Cc}/u.test(name)) throw refuse(`${JSON.stringify(name.slice(0, 200))} is not a relative path`);
    // Behind a link, `..` would lead elsewhere for the program than it reads.
    if (down !== -1 && steps.slice(down).includes("..")) throw refuse("`..` may stand only at the beginning of a path");
    yield name;
  }
}

function inside(real: string, root: string): string {
  const path = relative(root, real);
  if (path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path))
    throw new TriplaneError("nickel_import_refused", `${real} lies outside the root folder ${root}`, { details: { file: real } });
  return real;
}

function realOf(path: string, reader: FileReader): string | undefined {
  try {
    return reader.realpath(path);
  } catch {
    return undefined;
  }
}
