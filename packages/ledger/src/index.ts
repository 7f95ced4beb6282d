// The public names of the ledger room.

export { type ApprovedDesiredOptions, isApprovedDesired } from "./desired/approved-desired.ts";
export { approvedDesiredHead, DESIRED_BRANCH, type DesiredHead, type DesiredHeadOptions, imageLineTo } from "./desired/desired-head.ts";
export { DesiredReader, type DesiredReaderOptions, type DesiredStanding, type RepositoryPlace } from "./desired/desired-reader.ts";
export { formerImage, type ImageLine, type ImageUpdateStep } from "./desired/image-line.ts";
export { type DesiredMemory, rememberInFile } from "./desired/memory.ts";
export { decodeCommit, decodeTree, encodeCommit, encodeTree } from "./git/objects.ts";
export { checkpointOrigin, readCheckpoint, signCheckpoint } from "./ledger/checkpoint.ts";
export type { SuccessionGrounds } from "./ledger/hand-over.ts";
export { MAX_BATCH_RECORDS } from "./ledger/layout.ts";
export { findRecord, type LedgerRecord, ledgerCheckpoint, type ReadLedgerOptions, readLedger } from "./ledger/read.ts";
export { type ReadjudicatedRecord, readjudicateLedger } from "./ledger/readjudicate.ts";
export {
  MAX_RECEIPT_BYTES,
  type MakeReceiptOptions,
  makeReceipt,
  parseReceipt,
  policyDigest,
  policyOf,
  type Receipt,
} from "./ledger/receipt.ts";
export {
  type ReceiptPart,
  type ReceiptReport,
  type ReceiptStep,
  type VerifyReceiptOptions,
  verifyReceipt,
} from "./ledger/receipt-verify.ts";
export { type DecisionsFrom, type VerifyLedgerOptions, verifyLedger } from "./ledger/verify.ts";
export { type CheckedRecord, checkRecord, type RecordRules } from "./ledger/verify-record.ts";
export { type AppendResult, type LedgerWriter, type LedgerWriterOptions, openLedgerWriter } from "./ledger/writer.ts";
export { approvedPolicyHead, operatorKeys, type PolicyHead, type PolicyHeadOptions, policyHeadReader } from "./policy-head.ts";
export { type ApprovedHeadOptions, approvedHead, countPeople, type KeyHolders, namedCommits } from "./radicle/approved-head.ts";
export { type ApprovedStepOptions, isApprovedStep } from "./radicle/approved-step.ts";
export { type CommitSignatures, commitSignatures, type UnsignedCommit } from "./radicle/commit-signatures.ts";
export {
  acceptRevision,
  type PendingRevision,
  type ProposedRevision,
  pendingRevisions,
  proposeRevision,
} from "./radicle/delegation.ts";
export type { Identity } from "./radicle/identity.ts";
export { decodeDocument, encodeDocument, type IdentityDocument, revisionQuorum } from "./radicle/identity-doc.ts";
export { nidOfDid, repositoryDir } from "./radicle/layout.ts";
export {
  changeNamespace,
  type Namespaces,
  namespaceChain,
  namespaceTips,
  openNamespace,
  readNamespaces,
} from "./radicle/namespaces.ts";
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
  setCanonicalIdentity,
  setCanonicalRefs,
} from "./radicle/repository.ts";
export type { SignedRefs, SigrefsEntry } from "./radicle/sigrefs.ts";
export { signSshsig, verifySshsig } from "./radicle/sshsig.ts";
export { type TakeInOptions, type TakenNamespace, takeIn } from "./radicle/take-in.ts";
export { type VerifiedRepository, type VerifyOptions, verifyRepository } from "./radicle/verify.ts";
export { type CommitStep, commitAuthors, commitSteps, isAncestor, type ReadLimits, readTreeFiles } from "./tree-files.ts";
export * from "./types.ts";
