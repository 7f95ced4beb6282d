// A record taken apart, changed at any depth, and signed again by the keys that signed it: what is left to find is what it says.
import { digestOf, type SigningKey, signToken, type TokenType } from "@triplane/contract";
import type { Dice } from "../fuzz/mutate.ts";
import { MONDAY_10_S, NAMES, type World } from "./world.ts";

export type Payload = Record<string, unknown>;

export interface Layers {
  readonly op: Payload | undefined;
  readonly approvals: readonly Payload[];
  readonly decision: Payload;
  readonly audit: Payload;
}

export function takeApart(record: string): Layers {
  const audit = payloadOf(record);
  const decision = payloadOf(String(audit["decision"]));
  const op = typeof decision["op"] === "string" ? payloadOf(decision["op"]) : undefined;
  return { op, approvals: (decision["approvals"] as string[]).map(payloadOf), decision, audit };
}

function payloadOf(compact: string): Payload {
  return JSON.parse(Buffer.from(compact.split(".")[1] ?? "", "base64url").toString("utf8"));
}

/** Puts it together again; `stale` names digests that are left as they were. Undefined where a layer is larger than may be signed. */
export function putTogether(world: World, layers: Layers, stale: ReadonlySet<string> = new Set()): string | undefined {
  try {
    const op = layers.op === undefined ? undefined : sign(world, "op+jwt", layers.op);
    const opDigest = op === undefined || stale.has("op_digest") ? {} : { op_digest: digestOf(op) };
    const approvals = layers.approvals.map((approval) =>
      sign(
        world,
        "approval+jwt",
        stale.has("approvals") || op === undefined ? approval : rebound(approval, layers.decision, opDigest.op_digest),
      ),
    );
    const decided = { ...layers.decision, ...(op === undefined ? {} : { op }), ...opDigest, approvals };
    const decision = sign(world, layers.audit["basis"] === "refusal" ? "refusal+jwt" : "admission+jwt", decided);
    const digest = stale.has("decision_digest") ? {} : { decision_digest: digestOf(decision) };
    return sign(world, "audit+jwt", { ...layers.audit, decision, ...digest });
  } catch {
    return undefined;
  }
}

/** Approvals that were for this op stay for it. */
function rebound(approval: Payload, decision: Payload, digest: string | undefined): Payload {
  return digest !== undefined && approval["op_digest"] === decision["op_digest"] ? { ...approval, op_digest: digest } : approval;
}

function sign(world: World, typ: TokenType, payload: Payload): string {
  return signToken(typ, payload, keyOf(world, payload["iss"]));
}

function keyOf(world: World, did: unknown): SigningKey {
  return Object.values(world.keys).find((key) => key.did === did) ?? world.keys.stranger;
}

const DIGESTS = ["op_digest", "approvals", "decision_digest"];

/** One to three members changed, at any depth. */
export function changeLayers(
  world: World,
  layers: Layers,
  dice: Dice,
): { readonly layers: Layers; readonly stale: ReadonlySet<string>; readonly what: string } {
  const copy = structuredClone(layers) as { op?: Payload; approvals: Payload[]; decision: Payload; audit: Payload };
  const done: string[] = [];
  for (let rounds = 1 + dice.below(3); rounds > 0; rounds -= 1) {
    const places: readonly (readonly [string, Payload | undefined])[] = [
      ["op", copy.op],
      ["approval", copy.approvals[dice.below(copy.approvals.length)]],
      ["decision", copy.decision],
      ["audit", copy.audit],
    ];
    const [place, payload] = dice.pick(places, ["audit", copy.audit]);
    if (payload === undefined) continue;
    const member = dice.pick([...Object.keys(payload), "extra"], "iss");
    done.push(`${place}.${member} ${change(world, payload, member, dice)}`);
  }
  const stale = new Set(dice.below(6) === 0 ? [dice.pick(DIGESTS, "op_digest")] : []);
  return { layers: copy as Layers, stale, what: `${done.join(", ")}${stale.size === 0 ? "" : `, stale ${[...stale].join(" ")}`}` };
}

function change(world: World, payload: Payload, member: string, dice: Dice): string {
  const value = payload[member];
  const numbers = typeof value === "number" ? [value + 1, value - 1, value + 30, value + 31, value - 600, value * 2] : [];
  const values: readonly unknown[] = [
    ...numbers,
    ...[
      0,
      -1,
      1,
      2 ** 53 - 1,
      253402300800,
      true,
      null,
      "",
      [],
      {},
      "x".repeat(65),
      "x".repeat(129),
      "x".repeat(1001),
      "é",
      "auto",
      "approved",
      "unopposed",
    ],
    ...[
      "admission",
      "refusal",
      "applied",
      "failed",
      "expired",
      "refused",
      "jti_reused",
      "policy_denied",
      "token_expired",
      "review_expired",
    ],
    ...["web-deploys", "removals", "default", "admitter", "budget", "reject", "approve", digestOf("x"), "a".repeat(40), "b".repeat(40)],
    ...["libre-wuji", "libre-wuji/", "Libre/x", "web-shop", "web-", "../x", "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b"],
    ...Object.values(payload).slice(0, 8),
    { recent_auto: { "web-deploys": 5 }, budget_used: 1 },
    { recent_auto: { "web-deploys": -1 } },
    { recent_auto: {}, budget_used: 0, open_since: MONDAY_10_S },
    { recent_auto: {}, budget_used: 0, open_since: MONDAY_10_S - 31 },
    { deep: [[[[[[[[[[[[[[["too deep"]]]]]]]]]]]]]]] },
    ...NAMES.map((name) => world.keys[name].did),
  ];
  if (dice.below(6) === 0) {
    delete payload[member];
    return "left out";
  }
  // Half the time somebody else, or another number: what is likely to pass the form.
  const alike = typeof value === "string" && value.startsWith("did:key:") ? NAMES.map((name) => world.keys[name].did) : numbers;
  const chosen = alike.length > 0 && dice.below(2) === 0 ? dice.pick<unknown>(alike, 0) : dice.pick(values, 0);
  payload[member] = chosen;
  return `is ${JSON.stringify(chosen)?.slice(0, 60)}`;
}
