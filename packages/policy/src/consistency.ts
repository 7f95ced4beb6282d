// What a schema cannot say about a policy: that its parts fit together. Finds every problem.
import { MAX_APPROVALS } from "@triplane/contract";
import type { PolicyProblem } from "./problems.ts";
import type { Policy } from "./schema.ts";
import { isZone } from "./windows.ts";

/** The problems of a policy whose shape is right. */
export function findInconsistencies(policy: Policy): readonly PolicyProblem[] {
  return [
    ...duplicateNames(policy),
    ...sharedKeys(policy),
    ...unknownNames(policy),
    ...unmetReviews(policy),
    ...badWindows(policy),
    ...badUpdates(policy),
  ];
}

function* duplicateNames(policy: Policy): Iterable<PolicyProblem> {
  const principals = [
    ...policy.operators.map((entry, index) => ({ name: entry.principal, path: ["operators", index, "principal"] })),
    ...policy.automations.map((entry, index) => ({ name: entry.principal, path: ["automations", index, "principal"] })),
    ...policy.agents.map((entry, index) => ({ name: entry.principal, path: ["agents", index, "principal"] })),
    ...policy.keepers.map((entry, index) => ({ name: entry.name, path: ["keepers", index, "name"] })),
  ];
  const rules = (["deny", "review", "auto_sign", "image_updates"] as const).flatMap((list) =>
    policy[list].map((rule, index) => ({ name: rule.id, path: [list, index, "id"] })),
  );
  const scopes = policy.scopes.map((scope, index) => ({ name: scope.name, path: ["scopes", index, "name"] }));
  yield* repeated(principals, "is the name of two principals");
  yield* repeated(rules, "is the id of two rules");
  yield* repeated(scopes, "is the name of two scopes");
  // Traces and refusals use these for the built-in steps.
  for (const { name, path } of rules)
    if (["default", "budget", "admitter"].includes(name)) yield { path, message: `${name} is the name of a built-in rule` };
}

function* sharedKeys(policy: Policy): Iterable<PolicyProblem> {
  const keys = [
    ...(["operators", "automations", "agents", "keepers"] as const).flatMap((list) =>
      policy[list].flatMap((entry, index) => entry.keys.map((key, at) => ({ name: key as string, path: [list, index, "keys", at] }))),
    ),
    { name: policy.pins.controller as string, path: ["pins", "controller"] },
  ];
  yield* repeated(keys, "is listed twice; a key has one holder");
}

function* repeated(
  items: readonly { readonly name: string; readonly path: (string | number)[] }[],
  message: string,
): Iterable<PolicyProblem> {
  const seen = new Set<string>();
  for (const { name, path } of items) {
    if (seen.has(name)) yield { path, message: `${name} ${message}` };
    seen.add(name);
  }
}

function* unknownNames(policy: Policy): Iterable<PolicyProblem> {
  const scopes = new Set<string>(policy.scopes.map((scope) => scope.name));
  const groups = new Set(policy.operators.flatMap((operator) => operator.groups));
  const operators = new Set(policy.operators.map((operator) => operator.principal));
  const issuers = new Set([
    ...operators,
    ...policy.automations.map((entry) => entry.principal),
    ...policy.agents.map((entry) => entry.principal),
  ]);
  for (const list of ["operators", "automations", "agents"] as const)
    for (const [index, entry] of policy[list].entries())
      for (const [at, scope] of entry.scopes.entries())
        if (!scopes.has(scope)) yield { path: [list, index, "scopes", at], message: `there is no scope ${scope}` };
  for (const [index, agent] of policy.agents.entries())
    if (!operators.has(agent.owner)) yield { path: ["agents", index, "owner"], message: `there is no operator ${agent.owner}` };
  for (const [index, rule] of policy.review.entries())
    for (const [at, group] of rule.groups.entries())
      if (!groups.has(group)) yield { path: ["review", index, "groups", at], message: `no operator is in the group ${group}` };
  for (const list of ["deny", "review", "auto_sign"] as const)
    for (const [index, rule] of policy[list].entries())
      for (const [at, issuer] of (rule.issuers ?? []).entries())
        if (!isKnownIssuer(issuer, issuers, groups)) yield { path: [list, index, "issuers", at], message: `nobody is ${issuer}` };
}

function isKnownIssuer(issuer: string, issuers: ReadonlySet<string>, groups: ReadonlySet<string>): boolean {
  if (issuer.startsWith("any:")) return true;
  return issuer.startsWith("group:") ? groups.has(issuer.slice("group:".length)) : issuers.has(issuer);
}

/** Reviews that nobody could ever meet, or that ask for fewer people than the limits say. */
function* unmetReviews(policy: Policy): Iterable<PolicyProblem> {
  for (const [index, rule] of policy.review.entries()) {
    const people = policy.operators.filter(
      (operator) => operator.may.includes("Approve") && operator.groups.some((group) => rule.groups.includes(group)),
    );
    const path = ["review", index, "approvals"];
    if (people.length < rule.approvals)
      yield {
        path,
        message: `it asks for ${rule.approvals} approvals, and ${people.length} people of ${rule.groups.join(", ")} may approve`,
      };
    if (policy.limits.quorum !== undefined && rule.approvals < policy.limits.quorum)
      yield { path, message: `it asks for ${rule.approvals} approvals, and limits.quorum for at least ${policy.limits.quorum}` };
  }
  const total = policy.review.reduce((sum, rule) => sum + rule.approvals, 0);
  const everybody = policy.operators.filter((operator) => operator.may.includes("Approve")).length;
  if (Math.min(total, everybody) > MAX_APPROVALS && policy.review.length > 1) for (const issue of overlaps(policy)) yield issue;
}

/** Rules for everything that together could ask for more people than an admission carries. */
function* overlaps(policy: Policy): Iterable<PolicyProblem> {
  const general = policy.review.filter((rule) => rule.kinds.includes("*") && rule.targets.includes("*"));
  const sum = general.reduce((count, rule) => count + rule.approvals, 0);
  if (sum > MAX_APPROVALS)
    yield {
      path: ["review"],
      message: `the rules for every op ask for ${sum} approvals, and an admission carries at most ${MAX_APPROVALS}`,
    };
}

function* badWindows(policy: Policy): Iterable<PolicyProblem> {
  for (const list of ["deny", "auto_sign"] as const)
    for (const [index, rule] of policy[list].entries())
      for (const [at, window] of (rule.windows ?? []).entries()) {
        const path = [list, index, "windows", at];
        if (!isZone(window.zone)) yield { path: [...path, "zone"], message: `there is no time zone ${window.zone}` };
        if (new Set(window.days).size !== window.days.length) yield { path: [...path, "days"], message: "a day is listed twice" };
        if (window.from === "24:00") yield { path: [...path, "from"], message: "a day begins at 00:00" };
      }
}

/** Rules for images that name nobody, or that ask for more people than there are. */
function* badUpdates(policy: Policy): Iterable<PolicyProblem> {
  const automations = new Set(policy.automations.map(({ principal }) => principal));
  for (const [index, rule] of policy.image_updates.entries()) {
    for (const [at, name] of rule.automations.entries())
      if (!automations.has(name)) yield { path: ["image_updates", index, "automations", at], message: `there is no automation ${name}` };
    if (rule.approvals > policy.operators.length)
      yield {
        path: ["image_updates", index, "approvals"],
        message: `it asks for ${rule.approvals} people, and there are ${policy.operators.length}`,
      };
  }
}
