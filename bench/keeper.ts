// How many ops a second the keeper carries against a real server that syncs every message, and what it adds to an op's way.
// Run: node bench/keeper.ts
//
// The same ops wait in the queue and are worked off in batches, as the daemon does it, and one at a time, with every step waited
// for, in turns. Then ops come 100 a second whether or not the keeper keeps up, and the time from the sending of an op until its
// admission is stored on the command stream is taken, by the broker's clock, which is this machine's.
import { pathToFileURL } from "node:url";
import type { Bus } from "@triplane/bus";
import {
  CONSUMERS,
  digestOf,
  generateSigningKey,
  nowSeconds,
  type SigningKey,
  signOp,
  streamNames,
  subjects,
  uuid7,
} from "@triplane/contract";
import { Alarms, Desk, KeeperLoop, keeperMayDecide, keeperMetrics, openBucket, PolicyFollower } from "@triplane/keeper";
import { createMetrics, silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { policySchema } from "@triplane/policy";
import { startNats, TEST_COMMIT, TEST_RID, type TestNats } from "@triplane/testkit";

export interface KeeperRates {
  readonly batchedPerS: number;
  readonly oneByOnePerS: number;
  /** The median of the rounds' ratios. */
  readonly ratio: number;
  /** Milliseconds from the sending of an op until its admission is stored, at 100 ops a second: two synced writes besides the keeper's own. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const WORKSPACE = "w1";
const OPERATOR = { role: "operator", principal: "ana" } as const;
const names = streamNames(WORKSPACE);
const on = subjects(WORKSPACE);

export async function measureKeeper(
  options: { readonly count?: number; readonly rounds?: number; readonly keys?: number } = {},
): Promise<KeeperRates> {
  const { count = 400, rounds = 5, keys = 4 } = options;
  const batched: number[] = [];
  const oneByOne: number[] = [];
  await using nats = await startNats({ workspace: WORKSPACE, identities: [OPERATOR] });
  const set = await setUp(nats, keys);
  for (let round = 0; round < rounds; round += 1) {
    await submit(set, count);
    batched.push(await drained(set, count, "batched"));
    await submit(set, count);
    oneByOne.push(await drained(set, count, "one by one"));
  }
  const latencies = await openLoop(set, 500);
  return {
    batchedPerS: median(batched),
    oneByOnePerS: median(oneByOne),
    ratio: median(batched.map((rate, round) => rate / (oneByOne[round] ?? Number.NaN))),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

interface SetUp {
  readonly keeper: Bus;
  readonly operator: Bus;
  readonly controller: Bus;
  readonly keys: readonly { readonly key: SigningKey; seq: number }[];
  readonly desk: Desk;
  readonly follower: PolicyFollower;
  loop(signal: AbortSignal): KeeperLoop;
}

async function setUp(nats: TestNats, keyCount: number): Promise<SetUp> {
  const keeper = await nats.bus("keeper");
  const key = generateSigningKey();
  const keys = Array.from({ length: keyCount }, () => ({ key: generateSigningKey(), seq: 0 }));
  const policy = policySchema.parse({
    version: 1,
    workspace: WORKSPACE,
    policy_version: 1,
    limits: { max_lifetime_s: 3600, clock_skew_s: 10 },
    operators: keys.map(({ key: each }, index) => ({ principal: `p${index}`, keys: [each.did], groups: [], scopes: ["apps"], may: [] })),
    automations: [],
    agents: [],
    keepers: [{ name: "keeper", keys: [key.did] }],
    scopes: [{ name: "apps", kinds: ["component.*"], targets: ["*"] }],
    deny: [],
    review: [],
    auto_sign: [{ id: "deploys", kinds: ["component.deploy"], targets: ["*"] }],
    pins: { desired: { rid: TEST_RID, root: TEST_COMMIT }, state: { rid: TEST_RID, root: TEST_COMMIT }, controller: key.did },
  });
  const bucket = await openBucket(keeper, WORKSPACE);
  const audience = { workspace: WORKSPACE, policyRid: TEST_RID };
  const shared = { bus: keeper, clock: systemClock, logger: silentLogger };
  const alarms = new Alarms(keeper, WORKSPACE, systemClock, silentLogger);
  const source = {
    approvedHead: async () => ({ commit: TEST_COMMIT, identityRevision: TEST_COMMIT }),
    load: async () => ({ policy, digest: digestOf("policy"), files: new Map() }),
  };
  const follower = new PolicyFollower({ ...audience, source, bucket, clock: systemClock, assertMayDecide: keeperMayDecide(key.did) });
  await follower.refresh();
  const desk = new Desk({ ...shared, bucket, audience, key, alarms });
  const metrics = keeperMetrics(createMetrics({ name: "keeper" }));
  return {
    keeper,
    operator: await nats.bus(OPERATOR),
    controller: await nats.bus("controller"),
    keys,
    desk,
    follower,
    loop: (signal) =>
      new KeeperLoop({
        ...shared,
        workspace: WORKSPACE,
        desk,
        follower,
        alarms,
        metrics,
        random: systemRandom,
        signal,
        pollMs: 60_000,
        rescanMs: 60_000,
      }),
  };
}

function makeOp(set: SetUp, index: number): string {
  const at = set.keys[index % set.keys.length];
  if (at === undefined) throw new Error("no key");
  at.seq += 1;
  const nowS = nowSeconds(systemClock);
  return signOp(
    {
      aud: `${WORKSPACE}/${TEST_RID}`,
      jti: uuid7(systemClock.nowMs(), systemRandom.bytes(10)),
      iat: nowS,
      exp: nowS + 600,
      seq: at.seq,
      op: "component.deploy",
      target: `web-${index % 10}`,
      scope: "apps",
      expected_state_version: at.seq,
      args: { component: "web", replicas: 2 },
      reason: "weekly release",
    },
    at.key,
  );
}

async function submit(set: SetUp, count: number): Promise<void> {
  const ops = Array.from({ length: count }, (_, index) => makeOp(set, index));
  await Promise.all(ops.map((op) => set.operator.publish(on.pending, op)));
}

/** Ops a second until all are admitted and acked. */
async function drained(set: SetUp, count: number, how: "batched" | "one by one"): Promise<number> {
  const consumer = await set.keeper.consumer(names.pending, CONSUMERS.pending);
  const stop = new AbortController();
  const startedMs = performance.now();
  if (how === "batched") {
    const running = set.loop(stop.signal).run();
    while ((await set.keeper.streamState(names.pending)).messages > 0) await sleep(2);
    const tookMs = performance.now() - startedMs;
    stop.abort();
    await running;
    return (count * 1000) / tookMs;
  }
  const inForce = set.follower.inForce;
  if (inForce === undefined) throw new Error("no policy is in force");
  for (let done = 0; done < count; done += 1) {
    const message = await consumer.next({ waitMs: 5000 });
    if (message === undefined) throw new Error("an op is missing");
    await set.desk.work(message, inForce);
  }
  return (count * 1000) / (performance.now() - startedMs);
}

/** The times of `count` ops at 100 a second, in milliseconds. */
async function openLoop(set: SetUp, count: number): Promise<readonly number[]> {
  const commands = await set.controller.consumer(names.cmd, CONSUMERS.cmd);
  // What the rounds before left there.
  for (;;) {
    const old = await commands.next({ waitMs: 50 });
    if (old === undefined) break;
    void old.ackConfirmed();
  }
  const stop = new AbortController();
  const running = set.loop(stop.signal).run();
  const sentAtMs = new Map<string, number>();
  const times: number[] = [];
  const taking = (async () => {
    while (times.length < count) {
      const message = await commands.next({ waitMs: 5000 });
      if (message?.text === undefined) throw new Error("an admission is missing");
      const payload = JSON.parse(Buffer.from(message.text.split(".")[1] ?? "", "base64url").toString()) as { readonly op_digest: string };
      times.push(message.storedAtMs - (sentAtMs.get(payload.op_digest) ?? Number.NaN));
      await message.ackConfirmed();
    }
  })();
  const startedMs = performance.now();
  for (let index = 0; index < count; index += 1) {
    const waitMs = startedMs + index * 10 - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    const op = makeOp(set, index);
    sentAtMs.set(digestOf(op), systemClock.nowMs());
    void set.operator.publish(on.pending, op);
  }
  await taking;
  stop.abort();
  await running;
  return times;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const rates = await measureKeeper();
  console.log(`in batches, ops a second      ${rates.batchedPerS.toFixed(0)}`);
  console.log(`one at a time                 ${rates.oneByOnePerS.toFixed(0)}`);
  console.log(`ratio                         ${rates.ratio.toFixed(2)}`);
  console.log(`p50 and p99 at 100 a second   ${rates.p50Ms.toFixed(1)} ms, ${rates.p99Ms.toFixed(1)} ms`);
}
