// The decision: one pure function of op, policy, approvals, facts and time (`time-is-an-input`). The only door (`no-fail-open`).
//
// 1. Order: audience, issuer, times, sealed key, scope, deny, budget, withdrawal, review, unopposed, auto-sign; what no rule lets through is refused.
// 2. Deny beats review beats unopposed beats auto-sign. Of several matching rules that involve people every one has to be met.
// 3. A fact that a rule needs and that is missing counts against the op.
import { assertAudience, type FailureCode, type ReviewNeed, TriplaneError } from "@triplane/contract";
import { findWithdrawal, needsOf, type Tally, tallyApprovals } from "./approvals.ts";
import { describeBreakGlass, SEALED_KEY, sealedKeyProblem } from "./break-glass.ts";
import { matchesAny } from "./glob.ts";
import { describeFailing, failingParts, grantedScopes, type Matcher } from "./matching.ts";
import { nearestAfterDeny, nearestInScope, nearestRule, type Variant } from "./nearest.ts";
import { describeQuorums, quorumsOf } from "./quorums.ts";
import { assertTakenInTime, assertValidNow, closingOf } from "./review-times.ts";
import type { AutoSignRule, ReviewRule, UnopposedRule } from "./schema.ts";
import { personOf, type Signer, signerOf } from "./signers.ts";
import type { Decision, DecisionInput, RefuseDecision, RuleTrace } from "./types.ts";
import { askOf, describeUnopposed, waitOf } from "./unopposed.ts";

/** Pure: what the policy says about an op, with every rule that took part. Never throws for an op that the policy refuses. */
export function decide(input: DecisionInput): Decision {
  return new Deciding(input).decide();
}

/** The built-in rule by which an agent's grant ends; no rule of a policy can be called so. */
const AGENT_EXPIRES = "agent.expires";

interface Reason {
  readonly rule?: string;
  readonly nearest?: Variant | undefined;
}

class Deciding {
  readonly #input: DecisionInput;
  readonly #trace: RuleTrace[] = [];

  constructor(input: DecisionInput) {
    this.#input = input;
  }

  decide(): Decision {
    const issuer = this.#checkForm();
    if ("verdict" in issuer) return issuer;
    return (
      this.#checkGlass(issuer) ??
      this.#checkScope(issuer) ??
      this.#checkDeny(issuer) ??
      this.#checkBudget(issuer) ??
      this.#checkWithdrawal(issuer) ??
      (this.#input.breakGlass === true ? this.#breakGlass(issuer) : this.#grant(issuer))
    );
  }

  #checkForm(): Signer | RefuseDecision {
    const { op, policy, policyRef, admittedBy } = this.#input;
    const audience = { workspace: policy.workspace, policyRid: policyRef.rid };
    const wrongAudience = this.#step("audience", `meant for ${policy.workspace} under this policy`, () =>
      assertAudience(op.claims.aud, audience),
    );
    if (wrongAudience !== undefined) return wrongAudience;
    const issuer = signerOf(policy, op.claims.iss);
    if (issuer === undefined) {
      this.#say("form", "issuer", false, `${op.claims.iss} is in no list of the policy`);
      return this.#refuse("kid_unknown", `the key ${op.claims.iss} is in no list of the policy`);
    }
    this.#say("form", "issuer", true, `signed by ${issuer.role} ${issuer.principal}`);
    const when = this.#input.facts.open_since === undefined ? "at the time of the decision" : "when people were first asked";
    const wrongTimes = this.#step("times", `valid ${when}`, () => assertTakenInTime(this.#input));
    if (wrongTimes !== undefined) return wrongTimes;
    return (admittedBy === undefined ? undefined : this.#checkAdmitter(admittedBy, issuer)) ?? issuer;
  }

  /** A person who admits may do what the keeper may and no more, and not for themselves. */
  #checkAdmitter(admittedBy: string, issuer: Signer): RefuseDecision | undefined {
    const admitter = signerOf(this.#input.policy, admittedBy);
    const may = admitter?.role === "operator" && admitter.entry.may.includes("Admit");
    const own = may && admitter.principal === personOf(issuer);
    if (may && !own) {
      this.#say("form", "admitter", true, `admitted by ${admitter.principal}, who may admit`);
      return undefined;
    }
    const fact = own ? `${admitter.principal} may not admit an op of their own` : `the holder of ${admittedBy} may not admit`;
    this.#say("form", "admitter", false, fact);
    return this.#refuse("policy_denied", fact, { rule: "admitter" });
  }

  #checkGlass(issuer: Signer): RefuseDecision | undefined {
    if (this.#input.breakGlass !== true && issuer.role !== "break_glass") return undefined;
    const problem = sealedKeyProblem(this.#input, issuer);
    this.#say("form", SEALED_KEY, problem === undefined, problem ?? `${issuer.principal} breaks the glass`);
    return problem === undefined ? undefined : this.#refuse("policy_denied", problem, { rule: SEALED_KEY });
  }

  #breakGlass(issuer: Signer): Decision {
    const { op, policy } = this.#input;
    const [rule] = policy.break_glass.filter((each) => this.#matches("break_glass", each, issuer, describeBreakGlass(each)));
    if (rule !== undefined) return { verdict: "admit", basis: "break_glass", rule: rule.id, countedApprovals: [], trace: this.#trace };
    const fact = `no rule lets ${issuer.principal} break the glass for ${op.claims.op} on ${op.claims.target}`;
    this.#say("default", "default", true, "what no rule lets through is refused");
    return this.#refuse("policy_denied", fact, { rule: "default" });
  }

  #checkScope(issuer: Signer): RefuseDecision | undefined {
    const { op, policy } = this.#input;
    const scope = grantedScopes(policy, issuer).find((candidate) => candidate.name === op.claims.scope);
    const fact =
      scope === undefined
        ? `${issuer.principal} was not granted the scope ${op.claims.scope}`
        : !matchesAny(scope.kinds, op.claims.op)
          ? `the scope ${scope.name} does not cover the kind ${op.claims.op}`
          : !matchesAny(scope.targets, op.claims.target)
            ? `the scope ${scope.name} does not cover the target ${op.claims.target}`
            : undefined;
    if (fact === undefined) {
      this.#say("scope", op.claims.scope, true, `${issuer.principal} holds it, and it covers ${op.claims.op} on ${op.claims.target}`);
      return undefined;
    }
    this.#say("scope", op.claims.scope, false, fact);
    return this.#refuse("scope_exceeded", fact, { rule: op.claims.scope, nearest: nearestInScope(policy, issuer, op.claims) });
  }

  #checkDeny(issuer: Signer): RefuseDecision | undefined {
    const { op, policy, nowS } = this.#input;
    const matching = policy.deny.filter((rule) => this.#matches("deny", rule, issuer, `it denies: ${rule.why}`));
    const [first] = matching;
    if (first === undefined) return undefined;
    return this.#refuse("policy_denied", first.why, { rule: first.id, nearest: nearestAfterDeny(policy, issuer, op.claims, nowS) });
  }

  #checkBudget(issuer: Signer): RefuseDecision | undefined {
    if (issuer.role !== "agent") return undefined;
    const { expires } = issuer.entry;
    if (expires !== undefined && !(this.#input.nowS < Date.parse(expires) / 1000)) {
      const fact = `the grant of ${issuer.principal} ended at ${expires}`;
      this.#say("scope", AGENT_EXPIRES, false, fact);
      return this.#refuse("policy_denied", fact, { rule: AGENT_EXPIRES });
    }
    const { ops, window_s: windowS } = issuer.entry.budget;
    const used = this.#input.facts.budget_used;
    const fact =
      used === undefined
        ? `it is not known how much of its budget ${issuer.principal} has used`
        : `${issuer.principal} has used ${used} of ${ops} ops within ${windowS} s`;
    const left = used !== undefined && used < ops;
    this.#say("scope", "budget", left, fact);
    return left ? undefined : this.#refuse("policy_denied", fact, { rule: "budget" });
  }

  #checkWithdrawal(issuer: Signer): RefuseDecision | undefined {
    const withdrawal = findWithdrawal(this.#input, issuer);
    if (withdrawal === undefined) return undefined;
    this.#say("approval", issuer.principal, true, "the issuer withdraws the op");
    return { ...this.#refuse("op_withdrawn", `${issuer.principal} withdrew the op`), countedApprovals: [withdrawal] };
  }

  #grant(issuer: Signer): Decision {
    const { policy } = this.#input;
    const reviews = policy.review.filter((rule) => this.#matches("review", rule, issuer, describeReview(rule)));
    const [first] = reviews;
    if (first !== undefined) return this.#review(issuer, reviews, first);
    const unopposed = policy.unopposed.filter((rule) => this.#matches("unopposed", rule, issuer, describeUnopposed(rule)));
    if (unopposed[0] !== undefined) return this.#unopposed(issuer, unopposed, unopposed[0]);
    const automatic = policy.auto_sign.filter((rule) => this.#matchesAuto(rule, issuer));
    const [auto] = automatic;
    const expired = this.#checkStillValid();
    if (expired !== undefined) return expired;
    if (auto !== undefined) return { verdict: "admit", basis: "auto", rule: auto.id, countedApprovals: [], trace: this.#trace };
    return this.#refuseByDefault(issuer);
  }

  #review(issuer: Signer, rules: readonly ReviewRule[], first: ReviewRule): Decision {
    const asks = rules.map((rule) => ({ rule: rule.id, quorums: quorumsOf(rule) }));
    const closing = closingOf(rules, this.#input);
    const tally = tallyApprovals(this.#input, issuer, asks, closing.lastApprovalS);
    this.#trace.push(...tally.trace);
    const rejected = this.#checkRejection(tally, first.id);
    if (rejected !== undefined) return rejected;
    const expired = closing.expires ? this.#checkStillValid() : undefined;
    if (expired !== undefined) return expired;
    const { counted, missing } = tally;
    if (missing.length === 0) return { verdict: "admit", basis: "approved", rule: first.id, countedApprovals: counted, trace: this.#trace };
    const { closesAtS, rule } = closing;
    if (rule !== undefined && this.#input.nowS >= closesAtS)
      return this.#refuse("review_expired", `people were asked for ${rule.open_s} s, and ${describeMissing(missing)}`, { rule: rule.id });
    return { verdict: "review", needs: asks.flatMap(needsOf), missing, closesAtS, countedApprovals: counted, trace: this.#trace };
  }

  #unopposed(issuer: Signer, rules: readonly UnopposedRule[], first: UnopposedRule): Decision {
    const tally = tallyApprovals(this.#input, issuer, rules.map(askOf));
    this.#trace.push(...tally.trace);
    const rejected = this.#checkRejection(tally, first.id);
    if (rejected !== undefined) return rejected;
    const { wait, basis, closesAtS } = waitOf(rules, tally, this.#input);
    const rest = { countedApprovals: tally.counted, trace: this.#trace };
    if (wait !== undefined) return { verdict: "review", needs: [], missing: [], unopposed: wait, closesAtS, ...rest };
    if (this.#input.nowS < closesAtS) return { verdict: "admit", basis, rule: first.id, ...rest };
    const { max_lifetime_s: lateS } = this.#input.policy.limits;
    return this.#refuse("review_expired", `nobody objected, and no keeper let it run for ${lateS} s after its wait`, { rule: first.id });
  }

  #checkRejection({ rejection }: Tally, rule: string): RefuseDecision | undefined {
    if (rejection === undefined) return undefined;
    const { approval, principal } = rejection;
    return { ...this.#refuse("review_rejected", `${principal} rejected the op`, { rule }), countedApprovals: [approval] };
  }

  /** What people are not asked about, or not for a time that the policy sets, has to be valid now. */
  #checkStillValid(): RefuseDecision | undefined {
    if (this.#input.facts.open_since === undefined) return undefined;
    return this.#step("times", "still valid", () => assertValidNow(this.#input));
  }

  #matchesAuto(rule: AutoSignRule, issuer: Signer): boolean {
    const { op, nowS } = this.#input;
    const reached = this.#rateReached(rule);
    if (failingParts(rule, op.claims, issuer, nowS).length > 0 || reached === undefined)
      return this.#matches("auto_sign", rule, issuer, "it signs without a person");
    this.#say("auto_sign", rule.id, false, reached);
    return false;
  }

  /** Why the rule's rate stands in the way, or undefined. */
  #rateReached(rule: AutoSignRule): string | undefined {
    if (rule.rate === undefined) return undefined;
    const { max, window_s: windowS } = rule.rate;
    const { recent_auto: recent } = this.#input.facts;
    if (recent === undefined) return "it is not known how often the rule signed of late";
    const count = Object.hasOwn(recent, rule.id) ? (recent[rule.id] ?? 0) : 0;
    return count < max ? undefined : `the rule signed ${count} ops within ${windowS} s and may sign ${max}`;
  }

  #refuseByDefault(issuer: Signer): RefuseDecision {
    const { op, policy, nowS } = this.#input;
    const fact = `no rule of the policy lets ${issuer.principal} do ${op.claims.op} on ${op.claims.target}`;
    this.#say("default", "default", true, "what no rule lets through is refused");
    const rated = this.#trace.find((entry) => entry.kind === "auto_sign" && entry.why.includes("the rule signed"));
    const reason = rated === undefined ? fact : `${fact} now: ${rated.rule}: ${rated.why}`;
    return this.#refuse("policy_denied", reason, { rule: "default", nearest: nearestRule(policy, issuer, op.claims, nowS) });
  }

  #matches(kind: "deny" | "review" | "unopposed" | "break_glass" | "auto_sign", rule: Matcher, issuer: Signer, why: string): boolean {
    const { op, nowS } = this.#input;
    const failing = failingParts(rule, op.claims, issuer, nowS);
    this.#say(kind, rule.id, failing.length === 0, failing.length === 0 ? why : describeFailing(rule, op.claims, failing));
    return failing.length === 0;
  }

  #step(rule: string, why: string, check: () => void): RefuseDecision | undefined {
    try {
      check();
    } catch (thrown) {
      if (!(thrown instanceof TriplaneError)) throw thrown;
      this.#say("form", rule, false, thrown.message);
      return this.#refuse(thrown.code, thrown.message);
    }
    this.#say("form", rule, true, why);
    return undefined;
  }

  #say(kind: RuleTrace["kind"], rule: string, matched: boolean, why: string): void {
    this.#trace.push({ rule, kind, matched, why });
  }

  #refuse(code: FailureCode, fact: string, reason: Reason = {}): RefuseDecision {
    const { rule, nearest } = reason;
    return {
      verdict: "refuse",
      code,
      fact,
      countedApprovals: [],
      trace: this.#trace,
      ...(rule === undefined ? {} : { rule }),
      ...(nearest === undefined ? {} : { nearest }),
    };
  }
}

function describeMissing(missing: readonly ReviewNeed[]): string {
  return `${missing.map(({ count, groups }) => `${count} of ${groups.join(" or ")}`).join(" and ")} did not approve`;
}

function describeReview(rule: ReviewRule): string {
  return `it asks for ${describeQuorums(quorumsOf(rule))}`;
}
