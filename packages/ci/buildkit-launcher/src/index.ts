// The public names of the buildkit-launcher.

export { type HttpPoolClient, type PoolClientOptions, poolClient } from "./adapters/pool-client.ts";
export {
  knownHostsLine,
  type RemoteEnd,
  type RemoteOptions,
  remote,
  type SshTarget,
  sendFiles,
  shellWord,
  sshOptions,
} from "./adapters/ssh.ts";
export { type IgnoreRules, ignorePatterns, ignoreRules } from "./context/ignore-rules.ts";
export { type ContextEntry, walkContext } from "./context/walk.ts";
export { type BuildctlPlan, buildctlArguments, imageNames } from "./plan/buildctl.ts";
export { type BuildSpec, languageOf, readBuildSpec, type Size, sizeOf } from "./plan/size.ts";
export { type BuildEnd, classify, type Evidence } from "./run/classify.ts";
export type { BuildctlEnd, PoolClient, Runner, RunnerStats, RunPorts } from "./run/ports.ts";
export { type RunOutcome, type RunReport, type RunRequest, runBuild } from "./run/run-build.ts";
