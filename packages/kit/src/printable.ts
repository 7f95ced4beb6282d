// Text that somebody else wrote, made fit for a terminal: what could move the cursor, hide a line or turn the reading direction is shown
// by its code instead.

let compiled: RegExp | undefined;
/** Controls, format characters, what is drawn as nothing, and what has no meaning. Made when it is first used: it takes milliseconds. */
function hidden(): RegExp {
  compiled ??= /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
  return compiled;
}

/** Tabs and line ends stay. */
export function printable(text: string): string {
  return text.replace(hidden(), (found) => `<U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`);
}

/** The same for what has to stay on one line. */
export function printableLine(text: string, maxLength = 120): string {
  const line = printable(text.replaceAll(/[\n\t]+/g, " ")).trim();
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/** JSON text that says the same, with what a terminal would not show as it is written as escapes. */
export function printableJson(json: string): string {
  return json.replace(hidden(), (found) =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}
