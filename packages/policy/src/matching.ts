// Whether a rule is about an op: its kinds, targets, issuers and windows. Says which of them failed, for people.
import type { OpClaims } from "@triplane/contract";
import { matchesAny } from "./glob.ts";
import type { DateRange, Policy, TimeWindow } from "./schema.ts";
import type { Signer } from "./signers.ts";
import { isDated, isOpen } from "./windows.ts";

export interface Matcher {
  readonly id: string;
  readonly kinds: readonly string[];
  readonly targets: readonly string[];
  readonly issuers?: readonly string[] | undefined;
  readonly windows?: readonly TimeWindow[] | undefined;
  readonly dates?: readonly DateRange[] | undefined;
}

export type MatchPart = "kind" | "target" | "issuer" | "window" | "date";

/** The parts of a rule that the op does not meet; none means that the rule is about the op. */
export function failingParts(rule: Matcher, op: OpClaims, issuer: Signer, nowS: number): readonly MatchPart[] {
  const failing: MatchPart[] = [];
  if (!matchesAny(rule.kinds, op.op)) failing.push("kind");
  if (!matchesAny(rule.targets, op.target)) failing.push("target");
  if (rule.issuers !== undefined && !rule.issuers.some((wanted) => isIssuer(wanted, issuer))) failing.push("issuer");
  if (rule.windows !== undefined && !isOpen(rule.windows, nowS)) failing.push("window");
  if (rule.dates !== undefined && !isDated(rule.dates, nowS)) failing.push("date");
  return failing;
}

/** One sentence on the parts that failed. */
export function describeFailing(rule: Matcher, op: OpClaims, failing: readonly MatchPart[]): string {
  return failing.map((part) => sentenceOn(part, rule, op)).join("; ");
}

function sentenceOn(part: MatchPart, rule: Matcher, op: OpClaims): string {
  switch (part) {
    case "kind":
      return `the kind ${op.op} is not among ${rule.kinds.join(", ")}`;
    case "target":
      return `the target ${op.target} is not among ${rule.targets.join(", ")}`;
    case "issuer":
      return `the issuer is not among ${(rule.issuers ?? []).join(", ")}`;
    case "window":
      return "no window of the rule is open";
    case "date":
      return "it is none of the rule's dates";
  }
}

/** `alice`, `group:sre`, or `any:operator`. */
export function isIssuer(wanted: string, issuer: Signer): boolean {
  // The person is the same by either key.
  const role = issuer.role === "break_glass" ? "operator" : issuer.role;
  if (wanted.startsWith("any:")) return wanted === `any:${role}`;
  if (wanted.startsWith("group:")) return "groups" in issuer.entry && issuer.entry.groups.includes(wanted.slice("group:".length));
  return wanted === issuer.principal;
}

/** The scopes that an issuer was granted, as the policy defines them. */
export function grantedScopes(policy: Policy, issuer: Signer): Policy["scopes"] {
  if (issuer.role === "keeper") return [];
  const names = issuer.entry.scopes;
  return policy.scopes.filter((scope) => names.includes(scope.name));
}
