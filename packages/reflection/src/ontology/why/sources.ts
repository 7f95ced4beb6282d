// The source of a checkout, as far as it is looked through for citations: paths and texts, and what cites an id in them.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface SourceFiles {
  /** From the root of the repository, with forward slashes, sorted. */
  readonly paths: readonly string[];
  text(path: string): string;
}

/** A line that names something. */
export interface Citation {
  readonly path: string;
  readonly line: number;
  /** What it says: the line, with the beginning of its point where that is on lines before, without what makes it a comment. */
  readonly text: string;
}

/** A test, by its title. */
export interface NamedTest {
  readonly path: string;
  readonly line: number;
  readonly title: string;
}

const FOLDERS = ["packages", "tools", "test", "bench", "provisioning", "deploy"];
const LOOKED_THROUGH = /\.(?:ts|mts|mjs|nu)$/;
const NOT_ENTERED = new Set(["node_modules", "corpus"]);
/** Source files are small; what is larger is generated. */
const MAX_FILE_BYTES = 512 * 1024;
const MAX_FILES = 20_000;

const TESTS = /\.test\.ts$|(?:^|\/)testing(?:\/|\.ts$)|^test\/|^bench\/|^tools\/|^packages\/testkit\//;
const TITLE = /^[^\S\n]*(?!\/\/)[^\n]*?\b(?:test|it|describe|suite)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/gm;

/** The source below `root`; undefined where it is not a checkout with source in it. Symbolic links are not followed. */
export function readSources(root: string): SourceFiles | undefined {
  const paths = FOLDERS.flatMap((folder) => filesBelow(root, folder)).sort();
  if (!paths.some((path) => path.startsWith("packages/"))) return undefined;
  const texts = new Map<string, string>();
  return {
    paths: paths.slice(0, MAX_FILES),
    text: (path) => {
      const before = texts.get(path);
      if (before !== undefined) return before;
      const absolute = join(root, path);
      const text = statSync(absolute).size > MAX_FILE_BYTES ? "" : readFileSync(absolute, "utf8");
      texts.set(path, text);
      return text;
    },
  };
}

/** Lines outside tests that name the id as a whole word; imports aside, which name files. */
export function citationsOf(sources: SourceFiles, id: string): readonly Citation[] {
  const word = wordOf(id);
  return sources.paths
    .filter((path) => !TESTS.test(path))
    .flatMap((path) => {
      const text = sources.text(path);
      if (!text.includes(id)) return [];
      const lines = text.split("\n");
      return lines.flatMap((line, index) =>
        word.test(line) && !/^(?:import|export) .*from "/.test(line) ? [{ path, line: index + 1, text: sentenceAt(lines, index) }] : [],
      );
    });
}

/** Tests whose title has these words in it. */
export function testsNaming(sources: SourceFiles, words: string, path?: string): readonly NamedTest[] {
  const paths =
    path === undefined ? sources.paths.filter((each) => each.endsWith(".test.ts")) : sources.paths.filter((each) => each === path);
  return paths.flatMap((each) => {
    const text = sources.text(each);
    if (!text.includes(words)) return [];
    return [...text.matchAll(TITLE)]
      .filter((match) => match[2]?.includes(words) === true)
      .map((match) => {
        const before = text.slice(0, match.index + match[0].lastIndexOf(match[1] + (match[2] ?? "")));
        return { path: each, line: before.split("\n").length, title: match[2] ?? "" };
      });
  });
}

function wordOf(id: string): RegExp {
  return new RegExp(`(?<![\\w-])${id.replaceAll(/[^\w-]/g, "\\$&")}(?![\\w-])`);
}

const COMMENT = /^\s*(?:\/\/|\/\*\*?|\*|#)\s*(?=\S)(?!\/$)/;
const MAX_LINES_BEFORE = 3;

/** The line, with the lines of its comment before it, back to where its point, or the comment, begins. */
function sentenceAt(lines: readonly string[], index: number): string {
  let first = index;
  const isComment = (at: number): boolean => COMMENT.test(lines[at] ?? "");
  const begins = (at: number): boolean => /^(?:\d+\.|-) /.test(withoutMarks(lines[at] ?? ""));
  while (isComment(index) && index - first < MAX_LINES_BEFORE && !begins(first) && isComment(first - 1)) first -= 1;
  return lines
    .slice(first, index + 1)
    .map(withoutMarks)
    .join(" ")
    .trim();
}

function withoutMarks(line: string): string {
  return line
    .trim()
    .replace(/^(?:\/\/|\/\*\*?|\*\/?|#)\s*/, "")
    .replace(/\s*\*\/$/, "");
}

function filesBelow(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return NOT_ENTERED.has(entry.name) ? [] : filesBelow(root, path);
      return entry.isFile() && LOOKED_THROUGH.test(entry.name) ? [path] : [];
    });
  } catch {
    return [];
  }
}
