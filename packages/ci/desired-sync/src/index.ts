// The public names of desired-sync.
export { CONFIG } from "./config.ts";
export { type Drift, type DriftKind, driftOf, type TargetDrift } from "./drift.ts";
export { runDesiredSync } from "./main.ts";
