// Output of builds made fit for a log and a terminal. Pure.

const [ESC, BELL] = ["\x1b", "\x07"];
/** Escape sequences of terminals: colours, cursor, titles. */
const SEQUENCES = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESC}]*(?:${BELL}|${ESC}\\\\)?|[PX^_][^${ESC}]*(?:${ESC}\\\\)?|[ -/]*[0-~])`,
  "g",
);
/** Controls, and what is drawn as nothing or turns the reading direction. */
const HIDDEN = /(?!\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line. Of what a program drew over with a carriage return, what was drawn last. */
export function cleanLine(line: string): string {
  const last = line.replace(/\r+$/, "");
  return last
    .slice(last.lastIndexOf("\r") + 1)
    .replaceAll(SEQUENCES, "")
    .replaceAll(HIDDEN, "");
}
