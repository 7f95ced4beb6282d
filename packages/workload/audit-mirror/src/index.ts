// The public names of the audit-mirror.
export { asideFolder } from "./adapters/aside-folder.ts";
export { type PolicyCheckerOptions, policyChecker } from "./adapters/policy-checker.ts";
export { CONFIG } from "./config.ts";
export { runAuditMirror } from "./main.ts";
export { mirrorMetrics } from "./metrics.ts";
export type { DecisionChecker } from "./ports.ts";
export { MirrorLoop } from "./run.ts";
