// Lines for people: paragraphs broken at words, sections with a heading.

const COLUMNS = 110;

/** Broken at words, the first line indented by `indent`, the others by `hanging`. A word that is too long has a line of its own. */
export function paragraph(text: string, indent: number, hanging = indent): readonly string[] {
  const lines: string[] = [];
  let line = " ".repeat(indent);
  let empty = true;
  for (const word of text.replaceAll("\n", " ").split(/ (?=\S)/)) {
    if (!empty && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = " ".repeat(hanging);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line.trimEnd()];
}

/** Ids or paths, as many on a line as fit. */
export function list(words: readonly string[], indent: number): readonly string[] {
  return words.length === 0 ? [] : paragraph(words.join(", "), indent);
}

/** A blank line, the heading, the lines; nothing where there are none. */
export function section(heading: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", heading, ...lines];
}
