// The word that somebody may have meant.

const MAX_CHARS = 64;

/** The one of `words` that differs least from `written`, if it differs by little (edit distance; two neighbours that changed places count once). */
export function nearest(written: string, words: readonly string[]): string | undefined {
  if (written.length > MAX_CHARS) return undefined;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const word of words) {
    const distance = distanceBetween(written.toLowerCase(), word.toLowerCase().slice(0, MAX_CHARS));
    if (best === undefined || distance < best.distance) best = { word, distance };
  }
  return best !== undefined && best.distance <= Math.max(1, Math.floor(written.length / 3)) ? best.word : undefined;
}

function distanceBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  let before: readonly number[] = [];
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      const swapped = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1] ? (before[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped));
    }
    [before, row] = [row, next];
  }
  return row[right.length] ?? 0;
}
