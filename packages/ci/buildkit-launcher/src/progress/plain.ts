// The events of a build as lines for a log that nobody scrolls back in: each names its step, none is ever changed. Pure.
import type { BuildEvent } from "./events.ts";

/** Housekeeping of BuildKit that says nothing unless it fails. */
const QUIET = /^\[internal\]|^\[auth\]/;

/** Undefined for what is not worth a line. */
export function plainLine(event: BuildEvent): string | undefined {
  switch (event.event) {
    case "text":
      return event.line;
    case "output":
      return `${label(event.step)} | ${event.line}`;
    case "warning":
      return event.step === undefined ? `warning: ${event.text}` : `${label(event.step)} warning: ${event.text}`;
    case "cache":
      return event.found ? undefined : "  the cache is cold: nothing was kept under this name yet";
    case "step":
      return stepLine(event);
  }
}

function stepLine(event: BuildEvent & { readonly event: "step" }): string | undefined {
  if (event.state === "failed") return `${label(event.step)} FAILED after ${seconds(event.seconds)}: ${event.error}`;
  if (QUIET.test(event.name)) return undefined;
  switch (event.state) {
    case "started":
      return `${label(event.step)} ${event.name}`;
    case "cached":
      return `${label(event.step)} cached`;
    case "done":
      return `${label(event.step)} done in ${seconds(event.seconds)}`;
    case "stopped":
      return undefined;
  }
}

function label(step: number): string {
  return `#${step}`.padStart(4);
}

export function seconds(value: number): string {
  return value < 60 ? `${value.toFixed(1)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
