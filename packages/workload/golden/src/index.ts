// The public names of golden images.
export { ociContents } from "./adapters/oci-contents.ts";
export { sshShell } from "./adapters/ssh.ts";
export { asBuilder } from "./builder.ts";
export { type Changed, newestProven, promoteCandidate, rollBackGolden } from "./change.ts";
export { type ContentsRegistry, ContentsShelf, type StoredContents } from "./contents/shelf.ts";
export { type CandidateWish, GOLDEN_POOL, type GoldenImages, goldenServerLabels, isGoldenVersion } from "./images.ts";
export type { CanaryLogin, CanaryShell, GoldenParts, ShellEnd } from "./parts.ts";
export { type Pruned, prune } from "./prune.ts";
export { type Released, releaseGolden } from "./release.ts";
export { type ImageFile, runnerStatsFiles } from "./runner-stats.ts";
export { type GoldenStatus, type GoldenView, goldenStatus } from "./status.ts";
export { sweep } from "./sweep.ts";
