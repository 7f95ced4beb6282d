// Builders of signed objects: valid ones with generated keys, each member replaceable.
import {
  type ApprovalClaims,
  type Clock,
  generateSigningKey,
  nowSeconds,
  type Op,
  type OpClaims,
  type Random,
  type SigningKey,
  signApproval,
  signOp,
  uuid7,
  verifyOp,
} from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { manualClock } from "./clock.ts";

/** A well-formed RID that names no repository. */
export const TEST_RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
export const TEST_COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface BuildContext {
  readonly workspace?: string;
  readonly policyRid?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Generated unless given. */
  readonly key?: SigningKey;
}

export interface BuiltOp {
  readonly compact: string;
  readonly op: Op;
  readonly key: SigningKey;
}

/** A `component.deploy` of `web`, scope `apps`, seq 1, valid for an hour. */
export function buildOp(claims: Partial<OpClaims> = {}, context: BuildContext = {}): BuiltOp {
  const key = context.key ?? generateSigningKey();
  const { nowS, jti, aud } = basics(context);
  const compact = signOp(
    {
      aud,
      jti,
      iat: nowS,
      exp: nowS + 3600,
      seq: 1,
      op: "component.deploy",
      target: "web",
      scope: "apps",
      expected_state_version: 0,
      args: {},
      ...claims,
    },
    key,
  );
  return { compact, op: verifyOp(compact), key };
}

/** An approval of that op by a generated key. */
export function buildApproval(
  of: Op,
  claims: Partial<ApprovalClaims> = {},
  context: BuildContext = {},
): { readonly compact: string; readonly key: SigningKey } {
  const key = context.key ?? generateSigningKey();
  const { nowS, jti } = basics(context);
  const plan = of.claims.plan === undefined ? {} : { plan: of.claims.plan };
  const compact = signApproval(
    {
      aud: of.claims.aud,
      jti,
      iat: nowS,
      exp: nowS + 3600,
      op_jti: of.claims.jti,
      op_digest: of.token.digest,
      decision: "approve",
      policy_commit: TEST_COMMIT,
      expected_state_version: of.claims.expected_state_version,
      ...plan,
      ...claims,
    },
    key,
  );
  return { compact, key };
}

export function basics(context: BuildContext): { readonly nowS: number; readonly jti: string; readonly aud: string } {
  const clock = context.clock ?? manualClock();
  const random = context.random ?? systemRandom;
  return {
    nowS: nowSeconds(clock),
    jti: uuid7(clock.nowMs(), random.bytes(10)),
    aud: `${context.workspace ?? "w1"}/${context.policyRid ?? TEST_RID}`,
  };
}
