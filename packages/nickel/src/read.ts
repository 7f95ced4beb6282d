// Reading a text, or a file with what it imports, as data.
import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { finish, type NickelDocument } from "./document.ts";
import { DEFAULT_LIMITS, type NickelLimits } from "./limits.ts";
import { type Importer, Resolver } from "./resolve.ts";

export interface ReadOptions {
  /** The text's path from the root, against which imports are resolved. */
  readonly file: string;
  /** The root as people know it; messages put it before the paths of files. */
  readonly displayRoot?: string;
  /** Without one, every import is refused. */
  readonly importer?: Importer;
  readonly limits?: Partial<NickelLimits>;
}

/**
 * Reads Nickel text that is data and nothing else. Nothing is evaluated.
 *
 * Throws `nickel_syntax`, `nickel_not_declarative`, `nickel_import_refused`, `nickel_merge_conflict`, `nickel_contract_failed`,
 * `nickel_number_inexact` or `nickel_too_large`; each names file, line and column.
 *
 * @example readNickel("{ a | default = 1 } & { a = 2 }", { file: "a.ncl" }).json // { a: 2 }
 */
export function readNickel(text: string, options: ReadOptions): NickelDocument {
  const limits: NickelLimits = { ...DEFAULT_LIMITS, ...options.limits };
  return finish(new Resolver(options.importer, limits, options.displayRoot).file(options.file, text, "nickel", 0), limits.maxDepth);
}

/** What reading from disk needs of a file system. */
export interface FileReader {
  /** The path with all symbolic links followed; throws where there is no such file. */
  realpath(path: string): string;
  sizeBytes(path: string): number;
  read(path: string): Uint8Array;
}

export const diskReader: FileReader = {
  realpath: (path) => realpathSync.native(path),
  sizeBytes: (path) => {
    const stats = statSync(path);
    // A pipe would block, a device would not end.
    if (!stats.isFile()) throw new TriplaneError("nickel_import_refused", `${path} is not a regular file`);
    return stats.size;
  },
  read: (path) => readFileSync(path),
};

/**
 * Reads the file at `path` inside the folder `root`; its imports, too, stay inside, also behind symbolic links.
 * Throws as `readNickel`; `nickel_import_refused` where the file itself is missing or outside.
 */
export function readNickelFile(
  root: string,
  path: string,
  reader: FileReader = diskReader,
  options: Omit<ReadOptions, "file" | "importer"> = {},
): NickelDocument {
  const importer = folderImporter(root, reader, { ...DEFAULT_LIMITS, ...options.limits });
  const text = importer(path);
  if (text === undefined) throw new TriplaneError("nickel_import_refused", `there is no file ${JSON.stringify(path)} in the root folder`);
  return readNickel(text, { file: path.split(sep).join("/"), importer, ...options });
}

/** An importer for the files of a folder. */
export function folderImporter(root: string, reader: FileReader = diskReader, limits: NickelLimits = DEFAULT_LIMITS): Importer {
  const realRoot = reader.realpath(root);
  return (path) => {
    let real: string;
    try {
      real = reader.realpath(join(realRoot, path));
    } catch {
      return undefined;
    }
    const inside = relative(realRoot, real);
    if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside))
      throw new TriplaneError("nickel_import_refused", `${path}: the file lies outside the root folder`, { details: { file: path } });
    const sizeBytes = reader.sizeBytes(real);
    if (sizeBytes > limits.maxFileBytes)
      throw new TriplaneError("nickel_too_large", `${path}: the file has ${sizeBytes} bytes, allowed are ${limits.maxFileBytes}`, {
        details: { file: path, sizeBytes },
      });
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(reader.read(real));
    } catch (cause) {
      throw new TriplaneError("nickel_syntax", `${path}: the file cannot be read as UTF-8`, { cause, details: { file: path } });
    }
  };
}
