// The repository as the rules see it: the paths and texts of the files that git tracks or would track.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Repository {
  /** Paths from the root, with forward slashes, sorted. */
  readonly paths: readonly string[];
  /** The text of a file; undefined if there is none. */
  text(path: string): string | undefined;
}

/** One thing that is wrong. */
export interface Problem {
  readonly path: string;
  /** Absent if it is about the whole file. */
  readonly line?: number;
  readonly what: string;
}

export type Rule = (repository: Repository) => Problem[];

const TEXT = /\.(ts|mts|mjs|js|json|md|ncl|nu|sh|toml|ya?ml)$|(^|\/)(run|\.gitignore|\.npmrc)$/;

export async function openRepository(root: string): Promise<Repository> {
  const { stdout } = await promisify(execFile)("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  const texts = new Map<string, string>();
  const paths: string[] = [];
  for (const path of [...new Set(stdout.split("\0"))].filter((each) => each !== "").sort()) {
    // A file that is deleted but not yet committed is not there any more.
    const text = TEXT.test(path) ? await readFile(join(root, path), "utf8").catch(() => undefined) : "";
    if (text === undefined) continue;
    paths.push(path);
    texts.set(path, text);
  }
  return repositoryOf(texts);
}

export function repositoryOf(texts: ReadonlyMap<string, string>): Repository {
  return { paths: [...texts.keys()], text: (path) => texts.get(path) };
}

export function problemLine({ path, line, what }: Problem): string {
  return `${path}${line === undefined ? "" : `:${line}`}: ${what}`;
}

/** Line by line, numbered from 1. */
export function* linesOf(text: string): Generator<readonly [number, string]> {
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    yield [number, line];
  }
}

export function isSource(path: string): boolean {
  return /\.(ts|mts|mjs)$/.test(path);
}

export function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)testing(\/|\.ts$)|^test\/|^tools\/|^bench\/|^packages\/testkit\//.test(path);
}
