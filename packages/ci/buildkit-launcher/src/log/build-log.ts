// Where the story of a build goes while it happens.
import type { BuildEvent } from "../progress/events.ts";
import type { StepBook } from "../progress/step-book.ts";

export interface BuildLog {
  /** What the launcher itself has to say: one line for people. */
  note(text: string): void;
  /** `book`: of the run that they are of. */
  events(events: readonly BuildEvent[], book: StepBook): void;
  /** Nothing runs any more. */
  close(): void;
}

/** Takes text with its line ends. */
export type Write = (text: string) => void;
