// Patterns of kinds and targets: `*` is any run of characters, everything else is itself. Linear in the text; no regular expressions.

export function matchesGlob(pattern: string, text: string): boolean {
  // Most patterns are one of these two, and a decision asks about dozens.
  if (pattern === "*") return true;
  if (!pattern.includes("*")) return pattern === text;
  const [first = "", ...rest] = pattern.split("*");
  if (!text.startsWith(first)) return false;
  let at = first.length;
  const last = rest.pop() ?? "";
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, text));
}
