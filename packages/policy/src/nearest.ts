// The nearest allowed variant of a refused op: which members would have to change, and to what. A hint, never a grant.
import type { Json, OpClaims } from "@triplane/contract";
import { matchesAny } from "./glob.ts";
import { failingParts, grantedScopes, type Matcher, type MatchPart } from "./matching.ts";
import type { Policy } from "./schema.ts";
import type { Signer } from "./signers.ts";
import { isTime, nextChange, nextTime } from "./windows.ts";

export type Variant = { readonly [member: string]: Json };

const MOST = 5;

/** For an op outside its grant: what the issuer's scopes would allow. */
export function nearestInScope(policy: Policy, issuer: Signer, op: OpClaims): Variant | undefined {
  const granted = grantedScopes(policy, issuer);
  const fits = granted.find((scope) => matchesAny(scope.kinds, op.op) && matchesAny(scope.targets, op.target));
  if (fits !== undefined) return { scope: fits.name };
  const sameKind = granted.filter((scope) => matchesAny(scope.kinds, op.op));
  if (sameKind.length > 0)
    return scoped(op, sameKind, {
      target: closest(
        op.target,
        sameKind.flatMap((scope) => scope.targets),
      ),
    });
  const sameTarget = granted.filter((scope) => matchesAny(scope.targets, op.target));
  if (sameTarget.length > 0)
    return scoped(op, sameTarget, {
      op: closest(
        op.op,
        sameTarget.flatMap((scope) => scope.kinds),
      ),
    });
  const [first] = granted;
  if (first === undefined) return undefined;
  return { scope: first.name, op: closest(op.op, first.kinds), target: closest(op.target, first.targets) };
}

function scoped(op: OpClaims, scopes: readonly { readonly name: string }[], variant: Variant): Variant {
  const names = scopes.map((scope) => scope.name);
  return names.includes(op.scope) ? variant : { scope: names.slice(0, MOST), ...variant };
}

/** For a denial by rules that hold at times only: when none of the rules that are about the op denies it any more. */
export function nearestAfterDeny(policy: Policy, issuer: Signer, op: OpClaims, nowS: number): Variant | undefined {
  const about = policy.deny.filter(
    (rule) => failingParts({ ...rule, windows: undefined, dates: undefined }, op, issuer, nowS).length === 0,
  );
  if (about.some((rule) => rule.windows === undefined && rule.dates === undefined)) return undefined;
  const endS = nextChange(about, nowS, (timeS) => !about.some((rule) => isTime(rule, timeS)));
  return endS === undefined ? undefined : { nbf: endS };
}

/** For an op that no rule lets through: what the rule that fails it least would want. */
export function nearestRule(policy: Policy, issuer: Signer, op: OpClaims, nowS: number): Variant | undefined {
  const candidates = [...policy.auto_sign, ...policy.review]
    .map((rule: Matcher) => ({ rule, failing: failingParts(rule, op, issuer, nowS) }))
    .filter(({ rule, failing }) => failing.length > 0 && !failing.includes("issuer") && isGranted(policy, issuer, rule, op, failing))
    .sort((a, b) => distance(a.failing) - distance(b.failing));
  const [best] = candidates;
  if (best === undefined) return undefined;
  const { rule, failing } = best;
  const opensS = failing.includes("window") && rule.windows !== undefined ? nextTime(rule.windows, nowS, true) : undefined;
  if (failing.includes("window") && opensS === undefined) return undefined;
  return {
    ...(failing.includes("kind") ? { op: closest(op.op, rule.kinds) } : {}),
    ...(failing.includes("target") ? { target: closest(op.target, rule.targets) } : {}),
    ...(opensS === undefined ? {} : { nbf: opensS }),
  };
}

/** Waiting is nearer than another target, and that nearer than doing something else. */
function distance(failing: readonly MatchPart[]): number {
  const costs: Readonly<Record<MatchPart, number>> = { window: 1, date: 1, target: 2, kind: 4, issuer: 8 };
  return failing.reduce((sum, part) => sum + costs[part], 0);
}

/** Whether what the rule would want instead is inside the scope that the op names, as far as plain names tell. */
function isGranted(policy: Policy, issuer: Signer, rule: Matcher, op: OpClaims, failing: readonly MatchPart[]): boolean {
  const scope = grantedScopes(policy, issuer).find((candidate) => candidate.name === op.scope);
  if (scope === undefined) return false;
  const inside = (patterns: readonly string[], granted: readonly string[]): boolean =>
    patterns.some((pattern) => pattern.includes("*") || matchesAny(granted, pattern));
  if (failing.includes("kind") && !inside(rule.kinds, scope.kinds)) return false;
  return !failing.includes("target") || inside(rule.targets, scope.targets);
}

/** The patterns that share the longest beginning with a name, best first. */
function closest(name: string, patterns: readonly string[]): readonly string[] {
  return [...new Set(patterns)].sort((a, b) => sharedBeginning(b, name) - sharedBeginning(a, name)).slice(0, MOST);
}

function sharedBeginning(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
