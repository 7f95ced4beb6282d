// One person signs an op and its admission with a sealed key. Nothing of it needs the keeper or the broker.

import type { Bus } from "@triplane/bus";
import {
  type Audience,
  type Clock,
  formatAudience,
  nowSeconds,
  type Op,
  type OpClaims,
  type Random,
  type SigningKey,
  signAdmission,
  signOp,
  subjects,
  TriplaneError,
  uuid7,
  verifyAdmission,
  verifyOp,
} from "@triplane/contract";
import { decide, explain, ratifyWithinS } from "@triplane/policy";
import type { PolicyInForce } from "../outputs.ts";

export interface GlassWish
  extends Pick<OpClaims, "op" | "target" | "args" | "scope" | "expected_state_version" | "seq" | "reason" | "plan"> {
  readonly expiresInS: number;
}

export interface BrokenGlass {
  readonly op: Op;
  readonly admission: string;
  readonly rule: string;
  /** Seconds in which M of N have to ratify it, from when the controller takes it in. */
  readonly ratifyWithinS: number;
  readonly explanation: readonly string[];
}

export interface GlassDeps {
  readonly inForce: PolicyInForce;
  readonly audience: Audience;
  readonly key: SigningKey;
  readonly clock: Clock;
  readonly random: Random;
}

/** Throws with the decision's own code what the policy does not let this key do; nothing is signed then that anybody could use. */
export function breakGlass(deps: GlassDeps, { expiresInS, reason, plan, ...wish }: GlassWish): BrokenGlass {
  const { inForce, audience, key, clock, random } = deps;
  const nowS = nowSeconds(clock);
  const times = { jti: uuid7(clock.nowMs(), random.bytes(10)), iat: nowS, exp: nowS + expiresInS };
  const rest = { ...(reason === undefined ? {} : { reason }), ...(plan === undefined ? {} : { plan }) };
  const op = verifyOp(signOp({ aud: formatAudience(audience), ...times, ...wish, ...rest }, key));
  const { policy, ref } = inForce;
  const decision = decide({ op, policy, policyRef: ref, approvals: [], facts: {}, nowS, breakGlass: true });
  if (decision.verdict !== "admit")
    throw new TriplaneError(
      decision.verdict === "refuse" ? decision.code : "policy_denied",
      decision.verdict === "refuse" ? decision.fact : "it asks people",
      {
        details: { explanation: explain(decision) },
      },
    );
  const about = { aud: op.claims.aud, op: op.token.compact, op_jti: op.claims.jti, op_digest: op.token.digest, policy: ref };
  const admission = signAdmission(
    { ...about, rule: decision.rule, basis: decision.basis, approvals: [], facts: {}, decided_at: nowS },
    key,
  );
  return { op, admission, rule: decision.rule, ratifyWithinS: ratifyWithinS(policy, decision.rule) ?? 0, explanation: explain(decision) };
}

/** The op inside an admission that breaks the glass. Throws what reading throws, `break_glass_impossible` for another admission. */
export function readBrokenGlass(compact: string): Op {
  const { claims } = verifyAdmission(compact);
  if (claims.basis !== "break_glass")
    throw new TriplaneError("break_glass_impossible", `the file holds an admission with the basis ${claims.basis}`);
  return verifyOp(claims.op);
}

/** Hands it to the controller, past the keeper. Throws what publishing throws. */
export async function sendBrokenGlass(bus: Pick<Bus, "publish">, workspace: string, compact: string): Promise<Op> {
  const op = readBrokenGlass(compact);
  await bus.publish(subjects(workspace).cmd, compact);
  return op;
}
