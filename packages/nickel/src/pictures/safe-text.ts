// Text from a file as a terminal may show it: what would move the cursor, colour, hide or reorder is shown by its name instead.

/** What is asked of characters. */
interface Kinds {
  readonly segments: Intl.Segmenter;
  /** Controls, marks of direction, invisible format characters (those inside an emoji aside), line separators, halves of characters. */
  readonly unsafe: RegExp;
  readonly zeroWidth: RegExp;
  readonly wide: RegExp;
}

const newKinds = (): Kinds => ({
  segments: new Intl.Segmenter("en", { granularity: "grapheme" }),
  unsafe: /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]|[\u{e0001}-\u{e007f}]/u,
  zeroWidth: /^[\p{Mn}\p{Me}\u200c\u200d]+$/u,
  wide: /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u,
});

let made: Kinds | undefined;
/** Made when they are first used: what Unicode says of its characters takes milliseconds to compile, and most programs draw nothing. */
function kinds(): Kinds {
  made ??= newKinds();
  return made;
}

const TAB_COLUMNS = 4;

/** A piece of a line: what is printed for it, how many columns that takes, and how many code units of the source it stands for. */
export interface Cell {
  readonly printed: string;
  readonly columns: number;
  readonly units: number;
}

/** A line's pieces, tabs widened. */
export function cellsOf(line: string): readonly Cell[] {
  const cells: Cell[] = [];
  let column = 0;
  for (const { segment } of kinds().segments.segment(line)) {
    const cell = segment === "\t" ? tab(column) : cellOf(segment);
    cells.push(cell);
    column += cell.columns;
  }
  return cells;
}

function tab(column: number): Cell {
  const columns = TAB_COLUMNS - (column % TAB_COLUMNS);
  return { printed: " ".repeat(columns), columns, units: 1 };
}

function cellOf(segment: string): Cell {
  const { unsafe, zeroWidth, wide } = kinds();
  if (!unsafe.test(segment)) {
    if (zeroWidth.test(segment)) return named(segment);
    return { printed: segment, columns: wide.test(segment) ? 2 : 1, units: segment.length };
  }
  return named(segment);
}

function named(segment: string): Cell {
  const { unsafe, zeroWidth } = kinds();
  const printed = [...segment]
    .map((character) => {
      if (!unsafe.test(character) && !zeroWidth.test(character)) return character;
      return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`;
    })
    .join("");
  return { printed, columns: [...printed].length, units: segment.length };
}

/** A text of one or more lines; line feeds stay. */
export function safeText(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      cellsOf(line.replace(/\r$/, ""))
        .map(({ printed }) => printed)
        .join(""),
    )
    .join("\n");
}
