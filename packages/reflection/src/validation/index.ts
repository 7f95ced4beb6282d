// The public names of validations.
export { busSource } from "./adapters/bus.ts";
export { governanceSource, policySource } from "./adapters/governance.ts";
export { daemonsSource, partSource, prometheusSource, registrySource } from "./adapters/http.ts";
export { scriptSource } from "./adapters/nushell.ts";
export { dryRunSource, playbookSource } from "./adapters/playbooks.ts";
export { type CatalogFacts, type GoldenFacts, RUNNER_COMPONENT, type RunnerFacts } from "./checks/build-infrastructure.ts";
export { CHECKS_OF, VALIDATION_CHECKS, type ValidationCheck } from "./checks/index.ts";
export type { WatchedDaemon } from "./checks/observability.ts";
export { PLAYBOOKS } from "./checks/playbooks.ts";
export { alarming, type Change, type History, HistoryFile, latestOf, type PastRun } from "./history.ts";
export { type RunOptions, runValidation, validationNamed } from "./run.ts";
export { dueValidations } from "./schedule.ts";
export type { Source } from "./source.ts";
export type { Sources, Surroundings } from "./surroundings.ts";
export {
  type Check,
  type CheckReport,
  type Finding,
  isRed,
  VALIDATIONS,
  type ValidationName,
  type ValidationReport,
  type Verdict,
  verdictOf,
} from "./types.ts";
