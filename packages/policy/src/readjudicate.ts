// A past decision made again, for people: what was recorded, what the policy says, and whether that is the same.
import {
  type DecisionFacts,
  type PolicyRef,
  type TriplaneError,
  toTriplaneError,
  verifyAdmission,
  verifyApproval,
  verifyOp,
  verifyRefusal,
} from "@triplane/contract";
import { decide } from "./decide.ts";
import { signerOf } from "./signers.ts";
import type { Decision, LoadedPolicy, VerifyDecisionInput } from "./types.ts";
import { isDecidedCode, verifyDecision } from "./verify-decision.ts";

export interface Readjudicated {
  /** `witnessed`: a refusal that rests on what the keeper saw (a gap in the numbers, bytes that are no op), so only its signer was checked. */
  readonly result: "same" | "witnessed" | "differs";
  /** As `admit auto web-deploys` or `refuse policy_denied default`. */
  readonly recorded: string;
  /** The same of the decision made again; undefined where it cannot be made. */
  readonly now: string | undefined;
  /** Where it differs: the reason. */
  readonly failure: TriplaneError | undefined;
}

/** Never throws for what the decision or its policy is. */
export function readjudicate(input: VerifyDecisionInput): Readjudicated {
  const again = read(input.compact);
  const recorded = again?.recorded ?? "unreadable";
  try {
    verifyDecision(input);
  } catch (thrown) {
    const policy = again === undefined ? undefined : input.policyAt(again.policy.commit);
    const failure = toTriplaneError(thrown, "chain_broken");
    return { result: "differs", recorded, now: policy === undefined ? undefined : again?.under(policy), failure };
  }
  return { result: again?.isWitnessed === true ? "witnessed" : "same", recorded, now: recorded, failure: undefined };
}

interface Again {
  readonly recorded: string;
  readonly policy: PolicyRef;
  readonly isWitnessed: boolean;
  under(policy: LoadedPolicy): string | undefined;
}

function read(compact: string): Again | undefined {
  try {
    const { claims } = verifyAdmission(compact);
    const recorded = `admit ${claims.basis} ${claims.rule}`;
    return { recorded, policy: claims.policy, isWitnessed: false, under: (policy) => decideAgain(claims, policy) };
  } catch {
    // Then it is a refusal, or nothing that can be read.
  }
  try {
    const { claims } = verifyRefusal(compact);
    const recorded = `refuse ${claims.code}${claims.rule === undefined ? "" : ` ${claims.rule}`}`;
    return { recorded, policy: claims.policy, isWitnessed: !isDecidedCode(claims.code), under: (policy) => decideAgain(claims, policy) };
  } catch {
    return undefined;
  }
}

interface DecidedClaims {
  readonly iss: string;
  readonly basis?: string;
  readonly op?: string | undefined;
  readonly policy: PolicyRef;
  readonly approvals: readonly string[];
  readonly facts: DecisionFacts;
  readonly decided_at: number;
}

function decideAgain(claims: DecidedClaims, { policy }: LoadedPolicy): string | undefined {
  if (claims.op === undefined) return undefined;
  try {
    const op = verifyOp(claims.op);
    const isKeeper = signerOf(policy, claims.iss)?.role === "keeper";
    return summary(
      decide({
        ...{ op, policy, policyRef: claims.policy, approvals: claims.approvals.map(verifyApproval), facts: claims.facts },
        nowS: claims.decided_at,
        ...(claims.basis === "break_glass" ? { breakGlass: true } : isKeeper ? {} : { admittedBy: claims.iss as `did:key:z6Mk${string}` }),
      }),
    );
  } catch {
    return undefined;
  }
}

/** A decision in a few words that are the same for everybody. */
export function summary(decision: Decision): string {
  switch (decision.verdict) {
    case "admit":
      return `admit ${decision.basis} ${decision.rule}`;
    case "review":
      if (decision.unopposed !== undefined) return `review unopposed ${decision.unopposed.rules.join(" ")}`;
      return `review ${decision.missing.map((need) => `${need.rule}:${need.count}`).join(" ")}`;
    case "refuse":
      return `refuse ${decision.code}${decision.rule === undefined ? "" : ` ${decision.rule}`}`;
  }
}
