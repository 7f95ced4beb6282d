// The public names of the controller.
export { CONFIG } from "./config.ts";
export type { AppliedHere } from "./glass/apply-here.ts";
export { applyGlassHere } from "./glass/main.ts";
export { runController } from "./main.ts";
export { controllerMetrics } from "./metrics.ts";
export type { Orchestrator, PolicySource } from "./ports.ts";
export { type NotInLedger, notInLedger, publishAgain } from "./replay/not-in-ledger.ts";
export { openControllerDatabase } from "./replay/open.ts";
export { type RebuildReport, rebuildDatabase } from "./replay/rebuild.ts";
export { databaseStanding } from "./replay/standing.ts";
export { MIGRATIONS } from "./rows.ts";
export { Controller } from "./run.ts";
