// What a schema cannot say about a policy: that its parts fit together. Finds every problem.
import { MAX_APPROVALS } from "@triplane/contract";
import type { ValueProblem } from "@triplane/nickel";
import { SEALED_KEY } from "./break-glass.ts";
import { canFill, describeQuorums, fits, quorumsOf, seatsOf } from "./quorums.ts";
import type { Policy } from "./schema.ts";
import { localOf, localRange } from "./windows.ts";
import { isZone } from "./zones.ts";

const RULE_LISTS = ["deny", "review", "unopposed", "break_glass", "auto_sign"] as const;

/** The problems of a policy whose shape is right. */
export function findInconsistencies(policy: Policy): readonly ValueProblem[] {
  return [
    ...duplicateNames(policy),
    ...sharedKeys(policy),
    ...unknownNames(policy),
    ...unmetReviews(policy),
    ...brokenGlass(policy),
    ...badWindows(policy),
    ...badDates(policy),
    ...badUpdates(policy),
  ];
}

function* duplicateNames(policy: Policy): Iterable<ValueProblem> {
  const principals = [
    ...policy.operators.map((entry, index) => ({ name: entry.principal, path: ["operators", index, "principal"] })),
    ...policy.automations.map((entry, index) => ({ name: entry.principal, path: ["automations", index, "principal"] })),
    ...policy.agents.map((entry, index) => ({ name: entry.principal, path: ["agents", index, "principal"] })),
    ...policy.keepers.map((entry, index) => ({ name: entry.name, path: ["keepers", index, "name"] })),
  ];
  const rules = [...RULE_LISTS, "image_updates" as const].flatMap((list) =>
    policy[list].map((rule, index) => ({ name: rule.id, path: [list, index, "id"] })),
  );
  const scopes = policy.scopes.map((scope, index) => ({ name: scope.name, path: ["scopes", index, "name"] }));
  yield* repeated(principals, "is the name of two principals");
  yield* repeated(rules, "is the id of two rules");
  yield* repeated(scopes, "is the name of two scopes");
  // Traces and refusals use these for the built-in steps.
  for (const { name, path } of rules)
    if (["default", "budget", "admitter", SEALED_KEY].includes(name)) yield { path, message: `${name} is the name of a built-in rule` };
}

function* sharedKeys(policy: Policy): Iterable<ValueProblem> {
  const keys = [
    ...(["operators", "automations", "agents", "keepers"] as const).flatMap((list) =>
      policy[list].flatMap((entry, index) => entry.keys.map((key, at) => ({ name: key as string, path: [list, index, "keys", at] }))),
    ),
    ...policy.operators.flatMap(({ break_glass_keys: sealed = [] }, index) =>
      sealed.map((key, at) => ({ name: key as string, path: ["operators", index, "break_glass_keys", at] })),
    ),
    { name: policy.pins.controller as string, path: ["pins", "controller"] },
  ];
  yield* repeated(keys, "is listed twice; a key has one holder");
}

function* repeated(
  items: readonly { readonly name: string; readonly path: (string | number)[] }[],
  message: string,
): Iterable<ValueProblem> {
  const seen = new Set<string>();
  for (const { name, path } of items) {
    if (seen.has(name)) yield { path, message: `${name} ${message}` };
    seen.add(name);
  }
}

function* unknownNames(policy: Policy): Iterable<ValueProblem> {
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
  for (const [index, { expires }] of policy.agents.entries())
    if (expires !== undefined && Number.isNaN(Date.parse(expires)))
      yield { path: ["agents", index, "expires"], message: `there is no time ${expires}` };
  for (const [index, rule] of policy.review.entries())
    for (const [number, quorum] of quorumsOf(rule).entries())
      for (const [at, group] of quorum.groups.entries()) {
        const path = ["review", index, ...(rule.quorums === undefined ? [] : ["quorums", number]), "groups", at];
        if (!groups.has(group)) yield { path, message: `no operator is in the group ${group}` };
      }
  for (const [index, rule] of policy.unopposed.entries())
    for (const [at, group] of rule.groups.entries())
      if (!groups.has(group)) yield { path: ["unopposed", index, "groups", at], message: `no operator is in the group ${group}` };
  for (const list of RULE_LISTS)
    for (const [index, rule] of policy[list].entries())
      for (const [at, issuer] of (rule.issuers ?? []).entries())
        if (!isKnownIssuer(issuer, issuers, groups)) yield { path: [list, index, "issuers", at], message: `nobody is ${issuer}` };
}

function isKnownIssuer(issuer: string, issuers: ReadonlySet<string>, groups: ReadonlySet<string>): boolean {
  if (issuer.startsWith("any:")) return true;
  return issuer.startsWith("group:") ? groups.has(issuer.slice("group:".length)) : issuers.has(issuer);
}

/** Reviews that nobody could ever meet, or that ask for fewer people than the limits say. */
function* unmetReviews(policy: Policy): Iterable<ValueProblem> {
  const approvers = policy.operators.filter((operator) => operator.may.includes("Approve"));
  for (const [index, rule] of policy.review.entries()) {
    const quorums = quorumsOf(rule);
    const seats = seatsOf(quorums);
    const path = ["review", index, rule.quorums === undefined ? "approvals" : "quorums"];
    if (seats > MAX_APPROVALS)
      yield { path, message: `it asks for ${seats} people, and an admission carries at most ${MAX_APPROVALS} approvals` };
    else if (!canFill(quorums, approvers)) {
      const people = approvers.filter((operator) => quorums.some((quorum) => fits(operator, quorum)));
      const why = people.length < seats ? "" : " without somebody counting twice";
      yield {
        path,
        message: `it asks for ${describeQuorums(quorums)}, and the ${people.length} who may approve there cannot do that${why}`,
      };
    }
    if (policy.limits.quorum !== undefined && seats < policy.limits.quorum)
      yield { path, message: `it asks for ${seats} approvals, and limits.quorum for at least ${policy.limits.quorum}` };
  }
  for (const [index, rule] of policy.unopposed.entries()) {
    const people = approvers.filter((operator) => fits(operator, { approvals: 1, groups: rule.groups }));
    if (people.length === 0)
      yield { path: ["unopposed", index, "groups"], message: `nobody of ${rule.groups.join(", ")} may approve, so nobody could object` };
    else if (rule.approvals !== undefined && people.length < rule.approvals)
      yield { path: ["unopposed", index, "approvals"], message: `only ${people.length} of ${rule.groups.join(", ")} may approve` };
  }
  const total = policy.review.reduce((sum, rule) => sum + seatsOf(quorumsOf(rule)), 0);
  if (Math.min(total, approvers.length) > MAX_APPROVALS && policy.review.length > 1) for (const issue of overlaps(policy)) yield issue;
}

/** Rules for everything that together could ask for more people than an admission carries. */
function* overlaps(policy: Policy): Iterable<ValueProblem> {
  const general = policy.review.filter((rule) => rule.kinds.includes("*") && rule.targets.includes("*"));
  const sum = general.reduce((count, rule) => count + seatsOf(quorumsOf(rule)), 0);
  if (sum > MAX_APPROVALS)
    yield {
      path: ["review"],
      message: `the rules for every op ask for ${sum} approvals, and an admission carries at most ${MAX_APPROVALS}`,
    };
}

function* brokenGlass(policy: Policy): Iterable<ValueProblem> {
  const nobody = policy.operators.every(({ break_glass_keys: sealed }) => sealed === undefined);
  if (nobody && policy.break_glass.length > 0)
    yield { path: ["break_glass"], message: "no operator has break_glass_keys, so nobody can use these rules" };
}

function* badWindows(policy: Policy): Iterable<ValueProblem> {
  for (const list of ["deny", "auto_sign"] as const)
    for (const [index, rule] of policy[list].entries())
      for (const [at, window] of (rule.windows ?? []).entries()) {
        const path = [list, index, "windows", at];
        if (!isZone(window.zone)) yield { path: [...path, "zone"], message: `there is no time zone ${window.zone}` };
        if (new Set(window.days).size !== window.days.length) yield { path: [...path, "days"], message: "a day is listed twice" };
        if (window.from === "24:00") yield { path: [...path, "from"], message: "a day begins at 00:00" };
      }
}

function* badDates(policy: Policy): Iterable<ValueProblem> {
  for (const [index, rule] of policy.deny.entries())
    for (const [at, range] of (rule.dates ?? []).entries()) {
      const path = ["deny", index, "dates", at];
      const unknown = (["from", "until"] as const).filter((member) => localOf(range[member]) === undefined);
      for (const member of unknown) yield { path: [...path, member], message: `there is no day ${range[member]}` };
      if (!isZone(range.zone)) yield { path: [...path, "zone"], message: `there is no time zone ${range.zone}` };
      if (unknown.length === 0 && localRange(range).end <= localRange(range).from)
        yield { path: [...path, "until"], message: `${range.until} is not after ${range.from}` };
    }
}

/** Rules for images that name nobody, or that ask for more people than there are. */
function* badUpdates(policy: Policy): Iterable<ValueProblem> {
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
