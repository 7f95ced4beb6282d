// The rules of an ignore file: its lines, and what they say of a path and of everything below it.
//
// 1. The last pattern that matches decides; `!` takes back. What a pattern says of a folder, it says of all that is below.
// 2. A folder that is left out is still entered where a `!` could bring back something inside; then the folder itself comes along.
import { cleanPath, type Pattern, parsePattern } from "./pattern.ts";

/** Which patterns matched a folder: what is asked of its entries builds on it. */
export type FolderState = readonly boolean[];

export interface Verdict {
  readonly ignored: boolean;
  readonly state: FolderState;
}

export interface IgnoreRules {
  /** `path` from the root of the context; `parent`: the state of the folder that it is in, undefined for the root. */
  judge(path: string, parent: FolderState | undefined): Verdict;
  /** Whether anything below a folder that is left out may come back. */
  mayBringBack(folder: string): boolean;
  readonly count: number;
}

/** The patterns of an ignore file, as Docker reads its lines. */
export function ignorePatterns(content: string): readonly string[] {
  const patterns: string[] = [];
  for (const line of content.replace(/^\u{feff}/u, "").split("\n")) {
    if (line.startsWith("#")) continue;
    const trimmed = trimGo(line);
    if (trimmed === "") continue;
    const negated = trimmed.startsWith("!");
    const pattern = negated ? trimGo(trimmed.slice(1)) : trimmed;
    const cleaned = pattern === "" ? "" : cleanPath(pattern);
    patterns.push(`${negated ? "!" : ""}${cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned}`);
  }
  return patterns;
}

/** Throws `context_invalid` for a pattern that cannot be read. */
export function ignoreRules(patterns: readonly string[]): IgnoreRules {
  const parsed = patterns.map(parsePattern).filter((pattern) => pattern !== undefined);
  const takenBack = parsed.filter(({ negated }) => negated).map(({ text }) => withoutTrailingGlob(text));
  const takenBackAnywhere = takenBack.some((text) => /[*[\]?^\\]/.test(text));
  return {
    count: parsed.length,
    judge: (path, parent) => judge(parsed, path, parent),
    mayBringBack: (folder) => takenBackAnywhere || takenBack.some((text) => `${text}/`.startsWith(`${folder}/`)),
  };
}

function judge(patterns: readonly Pattern[], path: string, parent: FolderState | undefined): Verdict {
  let ignored = false;
  const state = patterns.map((pattern, index) => {
    let matched = parent?.[index] === true;
    // A pattern that could change nothing is not asked, and is then held to say nothing of what is below: so does BuildKit.
    if (!matched && pattern.negated === ignored) matched = pattern.matches(path);
    if (matched) ignored = !pattern.negated;
    return matched;
  });
  return { ignored, state };
}

function withoutTrailingGlob(pattern: string): string {
  return pattern.replace(/\/\*\*$/, "").replace(/\/\*$/, "");
}

const GO_SPACE = "[\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const ENDS = new RegExp(`^${GO_SPACE}|${GO_SPACE}$`, "gu");

/** Go's strings.TrimSpace: its idea of white space has NEL and lacks the byte order mark. */
function trimGo(text: string): string {
  return text.replace(ENDS, "");
}
