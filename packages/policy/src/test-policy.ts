// Cases beside a policy.
import { TriplaneError } from "@triplane/contract";
import type { Decision, PolicyFiles } from "./types.ts";

export interface PolicyCaseResult {
  readonly name: string;
  readonly passed: boolean;
  readonly expected: string;
  readonly got: string;
  readonly decision: Decision;
}

/** Runs the cases of `keeper_policy.test.ncl`. Throws what loadPolicy throws. */
export function testPolicy(_files: PolicyFiles): readonly PolicyCaseResult[] {
  throw new TriplaneError("internal", "being built");
}
