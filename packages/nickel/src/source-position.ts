// Places in a source text: offsets on the inside, file, line and column for people.

/** A place for people. Line and column count from 1; the column counts characters (code points), as the nickel program does. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An offset in a source; turned into line and column only where somebody asks. */
export interface Place {
  readonly source: Source;
  readonly offset: number;
}

/** A text with its name and the offsets at which its lines begin. */
export class Source {
  /** Its name in messages. */
  readonly file: string;
  readonly text: string;
  /** Its path from the root, against which it imports. */
  readonly path: string;
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string, path: string = file) {
    this.file = file;
    this.text = text;
    this.path = path;
  }

  position(offset: number): SourcePosition {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const column = [...this.text.slice(starts[low] ?? 0, offset)].length + 1;
    return { file: this.file, line: low + 1, column };
  }

  #starts(): readonly number[] {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf("\n"); at !== -1; at = this.text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    return starts;
  }
}

export function positionOfPlace(place: Place): SourcePosition {
  return place.source.position(place.offset);
}

/** `file:line:column`. */
export function formatPosition(position: SourcePosition): string {
  return `${position.file}:${position.line}:${position.column}`;
}
