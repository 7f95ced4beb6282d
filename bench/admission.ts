// How many ops one core admits in a second, against the raw cost of the very signatures that this takes, both in one run.
// Run: node bench/admission.ts
//
// Admitting is what the keeper does with the bytes of an op: verify them, decide under a policy with a dozen rules, sign the
// admission. The keeper also hands each decision to the verifier of the next hop before it sends it; that is measured apart,
// because it checks one more signature. Everything runs on one thread and nothing is cached between ops but keys.
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { pathToFileURL } from "node:url";
import { type Digest, digestOf, generateSigningKey, type Op, type SigningKey, signOp, uuid7 } from "@triplane/contract";
import { type Intake, type PolicyInForce, readMessage, type Seat, takeIn } from "@triplane/keeper";
import { policySchema, verifyDecision } from "@triplane/policy";

export interface AdmissionRates {
  /** Ops verified, decided on and signed, a second. */
  readonly admittedPerS: number;
  /** One verification and one signature over the same bytes by node:crypto alone, a second. */
  readonly signaturesPerS: number;
  /** `admittedPerS / signaturesPerS`, the median of the rounds' ratios. */
  readonly ratio: number;
  /** As the daemon does it: the decision is verified as the next hop will. */
  readonly checkedPerS: number;
  /** Two verifications and one signature. */
  readonly checkedSignaturesPerS: number;
  readonly checkedRatio: number;
}

const RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const AUDIENCE = { workspace: "libre-wuji", policyRid: RID } as const;
const SPKI = Buffer.from("302a300506032b6570032100", "hex");
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

interface Material {
  readonly seat: Seat;
  readonly nowS: number;
  readonly messages: readonly { readonly text: string; readonly digest: Digest }[];
  readonly operator: SigningKey;
  readonly keeper: SigningKey;
}

/** Measures all four in turns, `rounds` times over `count` ops. */
export function measureAdmission(options: { readonly count?: number; readonly rounds?: number } = {}): AdmissionRates {
  const { count = 1000, rounds = 9 } = options;
  const material = prepare(count);
  const { messages, operator, keeper } = material;
  const publicKey = (key: SigningKey) => createPublicKey({ key: Buffer.concat([SPKI, key.publicKey]), format: "der", type: "spki" });
  const opKey = publicKey(operator);
  const keeperKey = publicKey(keeper);
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, keeper.seed]), format: "der", type: "pkcs8" });
  const signed = (compact: string) => {
    const at = compact.lastIndexOf(".");
    return { input: Buffer.from(compact.slice(0, at), "ascii"), signature: Buffer.from(compact.slice(at + 1), "base64url") };
  };
  const ops = messages.map(({ text }) => signed(text));
  const admissions = messages.map((message) => signed(outputOf(admit(material, message))));

  const work = {
    admit: () => {
      for (const message of messages) admit(material, message);
    },
    raw: () => {
      for (const [index, op] of ops.entries()) {
        must(verify(null, op.input, opKey, op.signature));
        sign(null, admissions[index]?.input ?? op.input, privateKey);
      }
    },
    checked: () => {
      for (const message of messages) check(material, message);
    },
    rawChecked: () => {
      for (const [index, op] of ops.entries()) {
        const admission = admissions[index] ?? op;
        must(verify(null, op.input, opKey, op.signature));
        sign(null, admission.input, privateKey);
        must(verify(null, admission.input, keeperKey, admission.signature));
      }
    },
  };
  const names = ["admit", "raw", "checked", "rawChecked"] as const;
  // The processor's time, not the clock's: others may be using the same cores.
  const timesMs: Record<(typeof names)[number], number[]> = { admit: [], raw: [], checked: [], rawChecked: [] };
  for (let round = -1; round < rounds; round += 1) {
    for (const name of names) {
      const before = process.cpuUsage();
      work[name]();
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round >= 0) timesMs[name].push((user + system) / 1000);
    }
  }
  const perS = (times: readonly number[]) => Math.round((count * 1000) / median(times));
  return {
    admittedPerS: perS(timesMs.admit),
    signaturesPerS: perS(timesMs.raw),
    ratio: median(timesMs.raw.map((rawMs, round) => rawMs / (timesMs.admit[round] ?? Number.NaN))),
    checkedPerS: perS(timesMs.checked),
    checkedSignaturesPerS: perS(timesMs.rawChecked),
    checkedRatio: median(timesMs.rawChecked.map((rawMs, round) => rawMs / (timesMs.checked[round] ?? Number.NaN))),
  };
}

function admit(material: Material, message: { readonly text: string; readonly digest: Digest }): Intake {
  return admitOp(material, message).intake;
}

function admitOp(
  material: Material,
  message: { readonly text: string; readonly digest: Digest },
): { readonly intake: Intake; readonly op: Op } {
  const { seat, nowS } = material;
  const read = readMessage({ ...message, storedAtS: nowS }, seat);
  if (read.as !== "op") throw new Error(`no op: ${read.fact}`);
  const { op, issuer } = read;
  const history =
    op.claims.seq === 1 ? [] : [{ seq: op.claims.seq - 1, op_digest: message.digest, output: { subject: "", text: "" }, uses: [] }];
  const recorded = { history, revision: 1, refused: undefined, review: undefined, settled: undefined };
  const intake = takeIn({ seat, op, issuer, recorded, facts: {}, nowS });
  if (intake.verdict !== "admit") throw new Error(`not admitted: ${intake.verdict} ${intake.code}`);
  return { intake, op };
}

function check(material: Material, message: { readonly text: string; readonly digest: Digest }): void {
  const { policy, ref } = material.seat.inForce;
  const policyAt = () => ({ policy, digest: ref.digest, files: new Map<string, string>() });
  const { intake, op } = admitOp(material, message);
  verifyDecision({ compact: outputOf(intake), audience: AUDIENCE, policyAt, verifiedOp: op });
}

function outputOf(intake: Intake): string {
  const output = intake.effects.find((effect) => effect.do === "publish");
  if (output?.do !== "publish") throw new Error("nothing was published");
  return output.text;
}

function prepare(count: number): Material {
  const operator = generateSigningKey();
  const keeper = generateSigningKey();
  const nowS = Math.floor(Date.now() / 1000);
  const inForce = policyOf(operator, keeper);
  const messages = Array.from({ length: count }, (_, index) => {
    const text = signOp(
      {
        aud: `${AUDIENCE.workspace}/${RID}`,
        jti: uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
        iat: nowS,
        exp: nowS + 600,
        seq: index + 1,
        op: "component.deploy",
        target: `web-${index % 10}`,
        scope: "apps",
        expected_state_version: index,
        args: { component: "web", replicas: 2 },
        reason: "weekly release",
      },
      operator,
    );
    return { text, digest: digestOf(text) };
  });
  return { seat: { audience: AUDIENCE, key: keeper, inForce }, nowS, messages, operator, keeper };
}

function policyOf(operator: SigningKey, keeper: SigningKey): PolicyInForce {
  const person = (principal: string, key: SigningKey) => ({
    principal,
    keys: [key.did],
    groups: ["ops"],
    scopes: ["apps"],
    may: ["Approve"],
  });
  const policy = policySchema.parse({
    version: 1,
    workspace: AUDIENCE.workspace,
    policy_version: 1,
    limits: { max_lifetime_s: 3600, clock_skew_s: 10 },
    operators: ["ben", "cleo", "dan"].map((name) => person(name, generateSigningKey())).concat(person("ana", operator)),
    automations: [],
    agents: [],
    keepers: [{ name: "keeper", keys: [keeper.did] }],
    scopes: [{ name: "apps", kinds: ["component.*"], targets: ["*"] }],
    deny: ["zot", "vault", "registry"].map((target) => ({
      id: `keep-${target}`,
      kinds: ["component.remove"],
      targets: [target],
      why: "it stays",
    })),
    review: ["db", "kv", "queue"].map((target) => ({
      id: `data-${target}`,
      kinds: ["*"],
      targets: [target],
      approvals: 1,
      groups: ["ops"],
    })),
    auto_sign: [
      { id: "restarts", kinds: ["component.restart"], targets: ["*"] },
      { id: "deploys", kinds: ["component.deploy"], targets: ["web-*"] },
    ],
    pins: { desired: { rid: RID, root: COMMIT }, state: { rid: RID, root: COMMIT }, controller: generateSigningKey().did },
  });
  return { policy, ref: { rid: RID, commit: COMMIT, digest: digestOf("policy") } };
}

function must(ok: boolean): void {
  if (!ok) throw new Error("a signature does not verify");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const rates = measureAdmission();
  console.log(`admitted a second             ${rates.admittedPerS}`);
  console.log(`its signatures alone          ${rates.signaturesPerS}`);
  console.log(`share of that limit           ${(rates.ratio * 100).toFixed(1)} %`);
  console.log(`admitted and checked          ${rates.checkedPerS}`);
  console.log(`its signatures alone          ${rates.checkedSignaturesPerS}`);
  console.log(`share of that limit           ${(rates.checkedRatio * 100).toFixed(1)} %`);
}
