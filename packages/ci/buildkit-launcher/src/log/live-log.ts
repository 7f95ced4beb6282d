// The log at a terminal: what runs is drawn over ten times a second, what is done scrolls by.
import type { Clock } from "@triplane/contract";
import { seconds } from "../progress/plain.ts";
import type { StepBook } from "../progress/step-book.ts";
import { frame, lastingLines, redraw, type Screen } from "../progress/terminal.ts";
import type { BuildLog, Write } from "./build-log.ts";

const DRAW_MS = 100;

export interface LiveOptions {
  readonly write: Write;
  /** Asked before each picture: a window changes its size. */
  screen(): Screen;
  readonly clock: Clock;
}

export function liveLog({ write, screen, clock }: LiveOptions): BuildLog {
  const startedMs = clock.nowMs();
  let drawn = 0;
  let lasting: string[] = [];
  let book: StepBook | undefined;
  let [note, skewMs] = ["", 0];
  const draw = (): void => {
    const nowMs = clock.nowMs();
    const head = `${note === "" ? "building" : note} ${seconds((nowMs - startedMs) / 1000)}`;
    const lines = frame(head, book?.running() ?? [], nowMs + skewMs, screen());
    write(redraw(drawn, lasting, lines));
    drawn = lines.length;
    lasting = [];
  };
  const timer = setInterval(draw, DRAW_MS);
  return {
    note: (text) => {
      if (note !== "") lasting.push(note);
      note = text;
    },
    events: (events, of) => {
      // Steps are timed by the runner's clock, which is not this machine's.
      if (of.latestMs !== undefined && (of !== book || of.latestMs > clock.nowMs() + skewMs)) skewMs = of.latestMs - clock.nowMs();
      book = of;
      for (const event of events) lasting.push(...lastingLines(event, event.event === "step" ? of.linesOf(event.step) : [], screen()));
    },
    close: () => {
      clearInterval(timer);
      if (note !== "") lasting.push(note);
      write(redraw(drawn, lasting, []));
    },
  };
}
