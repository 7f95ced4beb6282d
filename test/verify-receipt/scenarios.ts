// Decisions of every kind under the policy of the world, and random ones.
import { type Approval, type Did, digestOf, type Op, type OpClaims, signAdmission, signRefusal } from "@triplane/contract";
import { type Decision, decide } from "@triplane/policy";
import type { Dice } from "../fuzz/mutate.ts";
import { AUD, MONDAY_10_S, makeApproval, makeOp, NAMES, nextJti, policyRefOf, type Scenario, signRecord, type World } from "./world.ts";

export interface Decided {
  readonly basis: "admission" | "refusal";
  readonly decision: string;
  readonly record: string;
}

/** Runs the policy and signs what it says; where it says that people have to be asked, an admission that should not be. */
export function decideAndSign(world: World, scenario: Scenario): Decided {
  const {
    op,
    approvals = [],
    facts = { recent_auto: {}, budget_used: 0 },
    nowS = op.claims.iat,
    admittedBy,
    breakGlass = false,
  } = scenario;
  const policyRef = policyRefOf(world);
  const by = admittedBy === undefined ? {} : { admittedBy };
  const said = decide({ op, policy: world.policy, policyRef, approvals, facts, nowS, breakGlass, ...by });
  const deciding = breakGlass && said.verdict === "admit" ? op.claims.iss : admittedBy;
  const decider = Object.values(world.keys).find((key) => key.did === deciding) ?? world.keys.keeper;
  const common = {
    aud: AUD,
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy: policyRef,
    facts,
    decided_at: nowS,
  };
  // An approval that did not count is carried as well where there is room: it must not count for the verifier either.
  const carried = approvals.slice(0, 8).map((approval) => approval.token.compact);
  const isRefusal = said.verdict === "refuse";
  const decision = isRefusal
    ? signRefusal({ ...common, ...refusalOf(said), approvals: carried }, decider)
    : signAdmission({ ...common, ...admissionOf(said), approvals: carried }, decider);
  const basis = isRefusal ? "refusal" : "admission";
  return { basis, decision, record: signRecord(world, basis, decision, op) };
}

function admissionOf(said: Decision) {
  return said.verdict === "admit" ? { rule: said.rule, basis: said.basis } : { rule: "removals", basis: "approved" as const };
}

function refusalOf(said: Decision & { readonly verdict: "refuse" }) {
  const rule = said.rule === undefined ? {} : { rule: said.rule };
  const nearest = said.nearest === undefined ? {} : { nearest: said.nearest };
  return { code: said.code, fact: said.fact.slice(0, 1000), ...rule, ...nearest, consumes_seq: true };
}

/** One of each kind of decision; the name says what the policy makes of it. */
export function everyKind(world: World): ReadonlyMap<string, Decided> {
  const { alice, bob, carol, dave, deployer, helper, keeper } = world.keys;
  const friday = Date.UTC(2026, 0, 9, 17) / 1000;
  const removal = makeOp(alice, { op: "component.remove", target: "web-shop", plan: digestOf("a plan"), reason: "it is not used" });
  const both = [makeApproval(bob, removal), makeApproval(carol, removal)];
  const data = makeOp(bob, { target: "db" });
  const scale = makeOp(alice, { op: "component.scale", target: "zot" });
  const later = makeOp(alice, { op: "desired.apply", target: "site" });
  const after = (seconds: number) => MONDAY_10_S + seconds;
  const asked = (op: Op, seconds: number): Scenario => ({
    op,
    facts: { recent_auto: {}, open_since: op.claims.iat },
    nowS: after(seconds),
  });
  const sealed = (name: "alice-sealed" | "carol-sealed", claims: Partial<OpClaims>): Scenario => ({
    ...{ op: makeOp(world.keys[name], claims), facts: {}, breakGlass: true },
  });
  const scenarios: Readonly<Record<string, Scenario>> = {
    "signed automatically": { op: makeOp(dave) },
    "approved by two people": { op: removal, approvals: both },
    "approved by one of security": { op: data, approvals: [makeApproval(carol, data)] },
    "admitted by hand": { op: makeOp(dave), admittedBy: alice.did },
    "restarted in its window": { op: makeOp(deployer, { op: "component.restart", scope: "web" }) },
    "an agent within its budget": { op: makeOp(helper, { scope: "web" }), facts: { budget_used: 2, recent_auto: {} } },
    "an agent beyond its budget": { op: makeOp(helper, { scope: "web" }), facts: { budget_used: 3, recent_auto: {} } },
    "beyond the rate": { op: makeOp(dave), facts: { recent_auto: { "web-deploys": 5 } } },
    "denied in a window": { op: makeOp(dave, { iat: friday }) },
    "out of scope": { op: makeOp(deployer, { scope: "platform" }) },
    "approved by different people of two quorums": { op: scale, approvals: [makeApproval(carol, scale), makeApproval(bob, scale)] },
    "approved long after its own expiry": {
      ...asked(data, 1700),
      approvals: [makeApproval(carol, data, { iat: after(1700), exp: after(1760) })],
    },
    "asked about for long enough": asked(data, 1800),
    "nobody objected": asked(later, 300),
    "approved before its wait was over": { ...asked(later, 20), approvals: [makeApproval(bob, later), makeApproval(carol, later)] },
    "somebody objected": { ...asked(later, 299), approvals: [makeApproval(bob, later, { decision: "reject" })] },
    "not let run for too long": asked(later, 300 + 3600),
    "frozen while the clock is put back": { op: makeOp(bob, { op: "component.restart", iat: Date.UTC(2026, 9, 25, 1, 10) / 1000 }) },
    "the glass broken by one of a group": { ...sealed("carol-sealed", { op: "component.remove", target: "web-shop" }) },
    "the glass broken by any operator": { ...sealed("alice-sealed", { op: "component.restart", target: "db-1" }) },
    "an op of a sealed key that a keeper got": { op: sealed("carol-sealed", {}).op },
    "an agent whose time is over": { op: makeOp(helper, { scope: "web", iat: Date.UTC(2027, 5, 1) / 1000 }) },
    rejected: { op: removal, approvals: [makeApproval(bob, removal, { decision: "reject" })] },
    withdrawn: { op: removal, approvals: [makeApproval(alice, removal, { decision: "reject" })] },
    expired: { op: makeOp(dave), nowS: MONDAY_10_S + 700 },
    "refused by hand": { op: makeOp(dave, { op: "component.explode" }), admittedBy: carol.did },
  };
  const decided = new Map(Object.entries(scenarios).map(([name, scenario]) => [name, decideAndSign(world, scenario)]));
  const op = makeOp(dave);
  const policy = policyRefOf(world);
  const refusal = { aud: AUD, policy, fact: "as it was seen", approvals: [], facts: {}, consumes_seq: false, decided_at: MONDAY_10_S };
  const seen = { op: op.token.compact, op_jti: op.claims.jti, op_digest: op.token.digest };
  const gap = signRefusal({ ...refusal, ...seen, code: "sequence_gap" }, keeper);
  decided.set("a gap in the numbers", { basis: "refusal", decision: gap, record: signRecord(world, "refusal", gap, op) });
  const late = signRefusal({ ...refusal, ...seen, code: "review_expired", consumes_seq: true, decided_at: MONDAY_10_S + 9000 }, keeper);
  decided.set("expired in review", { basis: "refusal", decision: late, record: signRecord(world, "refusal", late, op) });
  const garbage = signRefusal({ ...refusal, op_digest: digestOf("garbage"), code: "token_malformed" }, keeper);
  const aboutGarbage = { ...op, claims: { ...op.claims, jti: digestOf("garbage"), target: undefined } } as unknown as Op;
  decided.set("no op at all", { basis: "refusal", decision: garbage, record: signRecord(world, "refusal", garbage, aboutGarbage) });
  return decided;
}

const KINDS = ["component.deploy", "component.remove", "component.restart", "component.scale", "desired.apply", "other.thing"];
const TARGETS = ["web-shop", "web-a-blue", "db", "a-db-b", "zot", "workspace", "web-"].map((target) => target.replace(/-$/, "-x"));

/** Three hours before the clocks of the policy's freezes are put back or forward, or a freeze begins or ends. */
const SHIFTS = ["2026-10-24T22:00Z", "2026-03-28T22:00Z", "2026-03-29T20:00Z", "2026-12-23T11:00Z", "2027-01-06T11:00Z"].map(
  (time) => Date.parse(time) / 1000,
);

/** Somebody asks for something at some time, and people say something about it. */
export function randomScenario(world: World, dice: Dice): Scenario {
  const key = (): (typeof world.keys)["alice"] => world.keys[dice.pick(NAMES, "alice")];
  const iat = dice.below(4) === 0 ? dice.pick(SHIFTS, MONDAY_10_S) + dice.below(360) * 60 : MONDAY_10_S + dice.below(14 * 24 * 4) * 900;
  const exp = iat + dice.pick([1, 600, 3600, 3601, 0], 600);
  const rest = dice.below(4) === 0 ? { plan: digestOf("a plan") } : dice.below(8) === 0 ? { nbf: iat + dice.below(1200) } : {};
  const about = { op: dice.pick(KINDS, ""), target: dice.pick(TARGETS, ""), scope: dice.pick(["platform", "platform", "web", "none"], "") };
  const aud = dice.below(20) === 0 ? { aud: dice.pick([`other/${AUD.split("/")[1]}`, `${AUD}x`, "libre-wuji"], AUD) } : {};
  const op = makeOp(key(), { iat, exp, ...about, ...rest, ...aud });
  if (dice.below(8) === 0) {
    const sealed = dice.pick([world.keys["alice-sealed"], world.keys["carol-sealed"], key()], key());
    return {
      op: makeOp(sealed, { iat, exp, ...about, ...rest, ...aud }),
      facts: {},
      nowS: iat + dice.pick([0, 599, 631, -31], 0),
      breakGlass: true,
    };
  }
  const nowS = iat + dice.pick([0, 0, 0, 10, 300, 599, 630, 631, -30, -31, 900, 1800, 3000, 3900, 4500], 0);
  const approvals = Array.from({ length: dice.below(6) }, () => randomApproval(world, op, dice, nowS));
  const open = dice.pick<number | undefined>([undefined, iat, iat, iat, iat + 10, iat - 30, iat - 31, nowS, nowS + 1], undefined);
  const recent = dice.pick<Record<string, number> | undefined>([{}, { "web-deploys": 4 }, { "web-deploys": 5 }, undefined], {});
  const budget = dice.pick<number | undefined>([0, 2, 3, undefined], 0);
  return {
    op,
    approvals,
    facts: {
      ...(recent === undefined ? {} : { recent_auto: recent }),
      ...(budget === undefined ? {} : { budget_used: budget }),
      ...(open === undefined || open < 0 ? {} : { open_since: open }),
    },
    nowS,
    ...(dice.below(4) === 0 ? { admittedBy: key().did as Did } : {}),
    ...(dice.below(16) === 0 ? { breakGlass: true } : {}),
  };
}

function randomApproval(world: World, op: Op, dice: Dice, nowS: number): Approval {
  const key = world.keys[dice.pick(NAMES, "bob")];
  const odd = dice.pick<Readonly<Record<string, unknown>>>(
    [
      ...[{ decision: "reject" }, { plan: digestOf("another plan") }, { policy_commit: "b".repeat(40) }, { expected_state_version: 5 }],
      ...[{ op_jti: nextJti() }, { op_digest: digestOf("x") }, { aud: "other/x" }, { iat: op.claims.iat - 9000 }, { comment: "fine" }],
    ],
    {},
  );
  const iat = dice.pick([op.claims.iat, nowS, nowS - 300, nowS - 1500], nowS);
  const life = { iat, exp: iat + dice.pick([600, 1200, 1201], 600) };
  return makeApproval(key, op, { ...life, ...(dice.below(3) === 0 ? odd : {}) });
}
