// The public names of the governance room.

export { RemoteContact } from "./contact.ts";
export { acceptDelegates, type ChangedDelegates, changeDelegates, type DelegateChange } from "./delegates.ts";
export type { FileDifference, Files } from "./difference.ts";
export { type Fetched, fetchNamespaces, fetchRepository, pushRepository, remoteTips } from "./exchange.ts";
export { filesAt, filesIn, laidOver, writeFiles } from "./files.ts";
export { type Founding, foundWorkspace, joinWorkspace } from "./found.ts";
export { type GlassUse, glassUses } from "./glass-uses.ts";
export { approvedPolicies } from "./history.ts";
export {
  CHANGE_TITLES,
  type Impact,
  type ImpactGroup,
  impactOf,
  impactSummary,
  type LostGuard,
  lostGuards,
  type WeakerPath,
  weakerPaths,
} from "./impact.ts";
export { type KeyOf, keysOf } from "./keys-of.ts";
export { readSeen } from "./memory.ts";
export {
  findConflicts,
  type PlannedRepositories,
  type PlannedRepository,
  planRepositories,
  repositoriesSchema,
} from "./plan-repositories.ts";
export { type Proposal, type ProposedUpdate, proposalsOf } from "./proposals.ts";
export { type ProposeOptions, propose } from "./propose.ts";
export { assertAddress, assertRemote } from "./remote.ts";
export { type GovernedRepository, openGoverned } from "./repository.ts";
export { IMPACT_PERIOD_S, type Reviewed, type ReviewOptions, reviewCommit, simulateProposal } from "./review.ts";
export { type ImageSet, setImage, type UpdateStanding, updateStanding } from "./set-image.ts";
export { GOVERNED, type GovernedName, type Remote, type RepositoryName, repoDirOf, type Site } from "./site.ts";
export { type GovernanceStatus, governanceStatus, type ProposalStanding, type RepositoryStanding } from "./status.ts";
export { approve, type FoundProposal, findProposal, reject, type Voted } from "./vote.ts";
