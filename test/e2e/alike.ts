// Compares what a document promises with what was printed: alike but for what differs from run to run.

const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b\d{8}-\d{6}-[0-9a-f]{6}\b/g, "<version>"],
  [/\bsha256-(?:[0-9a-f]{64}|…)/g, "<root>"],
  [/did:key:z6Mk[1-9A-HJ-NP-Za-km-z]+/g, "<did>"],
  [/rad:z[1-9A-HJ-NP-Za-km-z]+/g, "<rid>"],
  [/\bz6Mk[1-9A-HJ-NP-Za-km-z]+/g, "<nid>"],
  [/sha256:[0-9a-f]{8,64}…?[0-9a-f]*/g, "<digest>"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<jti>"],
  [/\b[0-9a-f]{40}\b/g, "<commit>"],
  [/\b[0-9a-f]{12}\b/g, "<short>"],
  [/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: UTC|Z)?/g, "<time>"],
  [/\b(?:[a-z]{5}-){4}[a-z]{5}\b/g, "<words>"],
  [/[A-Za-z0-9+/]{43}=/g, "<hash>"],
  [/(?<![\w])\/[\w./@-]+/g, "<path>"],
  [/\b\d+(?:\.\d+)? (?:s|ms|min)\b/g, "<span>"],
  [/\b\d{3,}\b/g, "<number>"],
  // A rule with windows says so on the days on which none is open.
  [/; no window of the rule is open/g, ""],
  [/─+/g, "─"],
  [/ {2,}/g, "  "],
];

export function normalise(line: string): string {
  return VARYING.reduce((text, [pattern, name]) => text.replace(pattern, name), line).trim();
}

/**
 * The first promised line that the output does not have, in order, or undefined if it has them all.
 * A promised line `…` stands for any number of lines; other lines of the output may come between.
 */
export function firstBrokenPromise(promised: string, output: string): string | undefined {
  const printed = output.split("\n").map(normalise);
  let from = 0;
  for (const line of promised.split("\n")) {
    const wanted = normalise(line);
    if (wanted === "" || wanted === "…") continue;
    const at = printed.indexOf(wanted, from);
    if (at === -1) return line;
    from = at + 1;
  }
  return undefined;
}
