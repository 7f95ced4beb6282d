// The public names of the buildkit-launcher.
export { type IgnoreRules, ignorePatterns, ignoreRules } from "./context/ignore-rules.ts";
export { type ContextEntry, walkContext } from "./context/walk.ts";
export { type BuildEnd, classify, type Evidence } from "./run/classify.ts";
export type { BuildctlEnd, PoolClient, Runner, RunnerStats, RunPorts } from "./run/ports.ts";
export { type RunOutcome, type RunReport, type RunRequest, runBuild } from "./run/run-build.ts";
