// The demo's time line: what happens where, and what was observed. Every claim ends up observed or the demo fails.
import type { CommandContext } from "../framework/command.ts";

/** Where something happens, as the time line's second column. */
export type Place =
  | "set-up"
  | "operator"
  | "agent"
  | "attacker"
  | "signing"
  | "workload"
  | "CI"
  | "ledger"
  | "launcher"
  | "pool"
  | "registry"
  | "clean-up";

export interface Observation {
  readonly scene: string;
  /** One of the scene's claims. */
  readonly claim: string;
  readonly held: boolean;
  /** What was seen. */
  readonly evidence: string;
}

export interface Timeline {
  /** Seconds since the start. */
  elapsedS(): number;
  title(text: string): void;
  say(place: Place, text: string): void;
  /** Records what was seen of a claim; a claim that does not hold makes the demo fail, but the scene may go on. */
  observe(place: Place, observation: Observation): void;
  readonly observations: readonly Observation[];
}

const PLACE_WIDTH = 8;

/** @param startMs of the same clock as the context's. */
export function openTimeline(context: Pick<CommandContext, "clock" | "emit">, startMs: number): Timeline {
  const observations: Observation[] = [];
  const elapsedS = (): number => (context.clock.nowMs() - startMs) / 1000;
  const line = (mark: string, place: Place, text: string): string => {
    const head = `${elapsedS().toFixed(1).padStart(6)} s  ${place.padEnd(PLACE_WIDTH)}  ${mark} `;
    return head + text.replaceAll("\n", `\n${" ".repeat(head.length)}`);
  };
  const stamp = (): number => Math.round(elapsedS() * 10) / 10;
  return {
    elapsedS,
    observations,
    title: (text) => context.emit({ at_s: stamp(), type: "scene", text }, `\n── ${text} ${"─".repeat(Math.max(0, 90 - text.length))}`),
    say: (place, text) => context.emit({ at_s: stamp(), type: "step", place, text }, line("·", place, text)),
    observe: (place, observation) => {
      observations.push(observation);
      context.emit(
        { at_s: stamp(), type: "observation", place, ...observation },
        line(
          observation.held ? "✔" : "✘",
          place,
          `${observation.evidence}${observation.held ? "" : `   [claim ${observation.claim} does not hold]`}`,
        ),
      );
    },
  };
}
