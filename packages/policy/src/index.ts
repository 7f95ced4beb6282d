// The public names of the policy package.
export { decide } from "./decide.ts";
export { explain } from "./explain.ts";
export { loadPolicy, policyDigest } from "./load.ts";
export * from "./schema.ts";
export { personOf, type Signer, signerOf } from "./signers.ts";
export { type PolicyCaseResult, testPolicy } from "./test-policy.ts";
export * from "./types.ts";
export { policyCommitOf, verifyDecision } from "./verify-decision.ts";
