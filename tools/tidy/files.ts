// Rules about single files: their size, head, name, and the words in them.
import { isSource, linesOf, type Problem, type Repository } from "./repository.ts";

export const MAX_LINES = 600;

/** What is handed to people as one file: that is its concept. */
const ONE_FILE_BY_PURPOSE: readonly string[] = ["tools/verify-receipt/verify-receipt.mjs"];

export function filesAreSmall(repository: Repository): Problem[] {
  return repository.paths
    .filter((path) => isSource(path) && !ONE_FILE_BY_PURPOSE.includes(path))
    .flatMap((path) => {
      const lines = (repository.text(path) ?? "").split("\n").length - 1;
      return lines > MAX_LINES ? [{ path, what: `has ${lines} lines, more than ${MAX_LINES}: it holds more than one concept` }] : [];
    });
}

const SHORT_LINES = 6;

/** The first line of a source file says in a sentence what it is (after the line that a program starts with). Tests say it by their names. */
export function filesSayWhatTheyAre(repository: Repository): Problem[] {
  return repository.paths
    .filter((path) => isSource(path) && !path.endsWith(".test.ts"))
    .flatMap((path) => {
      const [first = "", second = "", ...rest] = (repository.text(path) ?? "").split("\n");
      if (path.endsWith(".mjs") && rest.length < SHORT_LINES) return [];
      const head = first.startsWith("#!") ? second : first;
      return /^(\/\/|\/\*\*?) ?\S/.test(head) ? [] : [{ path, line: 1, what: "does not begin with a comment that says what it is" }];
    });
}

export function namesAreKebabCase(repository: Repository): Problem[] {
  return repository.paths
    .filter((path) => isSource(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(path.split("/").at(-1) ?? ""))
    .map((path) => ({ path, what: "is not named in kebab-case" }));
}

interface Word {
  readonly pattern: RegExp;
  readonly why: string;
  readonly only?: RegExp;
}

// Built from parts, so that this file does not contain what it looks for.
const WORDS: readonly Word[] = [
  { pattern: new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|X${"XX"})\\b`), why: "unfinished work is not committed" },
  {
    pattern: new RegExp(`@ts-(ig${"nore"}|expect-err${"or"}|noch${"eck"})`),
    why: "a rule is followed, not switched off",
  },
  { pattern: new RegExp(`\\b(test|describe|it|suite)\\.on${"ly"}\\(`), why: "it would hide every other test", only: /\.test\.ts$/ },
  { pattern: new RegExp(`(^|[^\\w.-])/(wo${"rk"}|ro${"ot"})/[a-z.]`), why: "a path of one machine" },
  {
    pattern: new RegExp(`\\b(is${"sue"}|ses${"sion"}|hel${"per"}) (#?\\d|H\\d)`, "i"),
    why: "the history of the work is not part of it",
    only: /^(?!CHANGELOG)/,
  },
  {
    pattern: new RegExp(`registry\\.npm${"js"}\\.org|pypi\\.${"org"}|proxy\\.go${"lang"}\\.org|index\\.cra${"tes"}\\.io`),
    why: "users bring their own registry settings",
  },
];

export function wordsAreAllowed(repository: Repository): Problem[] {
  const problems: Problem[] = [];
  for (const path of repository.paths.filter((each) => each !== "package-lock.json")) {
    const words = WORDS.filter(({ only }) => only === undefined || only.test(path));
    for (const [line, content] of linesOf(repository.text(path) ?? "")) {
      for (const { pattern, why } of words) {
        const match = pattern.exec(content);
        if (match !== null) problems.push({ path, line, what: `${JSON.stringify(match[0].trim())}: ${why}` });
      }
    }
  }
  return problems;
}
