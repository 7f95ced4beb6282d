// The live picture of a build for a terminal: what is done scrolls by, what runs is drawn over. Pure.
import type { BuildEvent, RunningStep } from "./events.ts";
import { plainLine, seconds } from "./plain.ts";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly colours: boolean;
}

const SHOWN_LINES = 3;
const UP_AND_CLEAR = (lines: number): string => (lines === 0 ? "" : `\x1b[${lines}A\x1b[0J`);

/** What stays on the screen: output stays with its step while that runs, and is shown again only where the step fails. */
export function lastingLines(event: BuildEvent, linesOfStep: readonly string[], screen: Screen): readonly string[] {
  const paint = painter(screen);
  if (event.event === "output") return [];
  const line = plainLine(event);
  if (event.event !== "step") return line === undefined ? [] : [paint(event.event === "warning" ? "yellow" : "none", line)];
  switch (event.state) {
    case "started":
    case "stopped":
      return [];
    case "failed":
      return [...linesOfStep.map((each) => paint("dim", `     ${each}`)), paint("red", `✘ ${event.name}: ${event.error}`)];
    default:
      if (line === undefined) return [];
      return [`${paint("green", "✔")} ${event.name} ${paint("dim", event.state === "cached" ? "cached" : seconds(event.seconds))}`];
  }
}

/** What runs now, cut to the screen. `nowMs` by the clock of the runner. */
export function frame(head: string, running: readonly RunningStep[], nowMs: number, screen: Screen): readonly string[] {
  const paint = painter(screen);
  const room = Math.max(1, screen.rows - 2);
  const lines = [paint("bold", fit(head, screen.columns))];
  for (const { name, startedMs, lines: output, parts } of running) {
    const took = seconds(Math.max(0, nowMs - startedMs) / 1000);
    lines.push(`${fit(`  ${name}`, screen.columns - took.length - 1)} ${took}`);
    for (const { id, current, total } of parts.slice(0, SHOWN_LINES))
      lines.push(paint("dim", fit(`     ${id} ${Math.floor((current / total) * 100)} %`, screen.columns)));
    for (const line of output.slice(-SHOWN_LINES)) lines.push(paint("dim", fit(`     ${line}`, screen.columns)));
  }
  return lines.slice(0, room);
}

/** The bytes that take the screen from one picture to the next. `drawn`: lines of the former one. */
export function redraw(drawn: number, lasting: readonly string[], next: readonly string[]): string {
  return `${UP_AND_CLEAR(drawn)}${[...lasting, ...next].map((line) => `${line}\n`).join("")}`;
}

function fit(text: string, columns: number): string {
  const characters = [...text.replaceAll("\t", " ")];
  return characters.length < columns ? characters.join("") : `${characters.slice(0, Math.max(1, columns - 2)).join("")}…`;
}

const CODES = { none: "", bold: "1", dim: "2", red: "31", green: "32", yellow: "33" } as const;

function painter({ colours }: Screen): (colour: keyof typeof CODES, text: string) => string {
  return (colour, text) => (!colours || CODES[colour] === "" ? text : `\x1b[${CODES[colour]}m${text}\x1b[0m`);
}
