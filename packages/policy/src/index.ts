// The public names of the policy package.
export { type Amendment, amendPolicy } from "./amend.ts";
export { maxApprovalS } from "./approvals.ts";
export { personBehind, ratifyWithinS } from "./break-glass.ts";
export { decide } from "./decide.ts";
export { describeNeed, describeWait, explain } from "./explain.ts";
export { matchesAny } from "./glob.ts";
export { type ImageChange, type ImageUpdate, imagesIn, judgeImageUpdate, withImage } from "./image-updates.ts";
export { filesImporter, loadPolicy, POLICY_ENTRY, policyDigest, readPolicy } from "./load.ts";
export { grantedScopes } from "./matching.ts";
export { describeQuorums, quorumsOf, seatsOf } from "./quorums.ts";
export { type Readjudicated, readjudicate, summary } from "./readjudicate.ts";
export { usesOpenSince } from "./review-times.ts";
export * from "./schema.ts";
export { personOf, type Signer, signerOf } from "./signers.ts";
export {
  CHANGES,
  type Change,
  changeBetween,
  longestWindowS,
  type PastOp,
  type Simulated,
  simulate,
  withFormerKeys,
} from "./simulate.ts";
export * from "./test-policy.ts";
export * from "./types.ts";
export { decideUnder, isDecidedCode, policyCommitOf, verifyDecision } from "./verify-decision.ts";
export { type WeakestPath, weakestImagePaths, weakestPaths } from "./weakest-path.ts";
