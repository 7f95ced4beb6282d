// The public names of the ledger room.
export { type ApprovedHeadOptions, approvedHead } from "./radicle/approved-head.ts";
export type { Identity } from "./radicle/identity.ts";
export type { IdentityDocument } from "./radicle/identity-doc.ts";
export { repositoryDir } from "./radicle/layout.ts";
export {
  type CreatedRepository,
  commitFiles,
  createRepository,
  type HeadMove,
  type NewCommit,
  type NewRepository,
  pushHead,
  type Revision,
  reviseIdentity,
  setCanonicalRefs,
} from "./radicle/repository.ts";
export { type VerifiedRepository, type VerifyOptions, verifyRepository } from "./radicle/verify.ts";
export { isAncestor, type ReadLimits, readTreeFiles } from "./tree-files.ts";
export * from "./types.ts";
