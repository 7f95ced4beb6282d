import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Bus, Identity, WorkConsumer } from "@triplane/bus";
import { type Admission, type Audience, CONSUMERS, type Refusal, streamNames, subjects } from "@triplane/contract";
import { freePort, silentLogger, systemClock, systemRandom, writeKeyFile } from "@triplane/kit";
import { buildOp, eventually, startNats, type TempDir, type TestNats, tempDir } from "@triplane/testkit";
import { policyRepository } from "./adapters/policy-repo.ts";
import { openBucket } from "./desk.ts";
import { runKeeper } from "./main.ts";
import { admitPending } from "./people/admit.ts";
import { approve } from "./people/approve.ts";
import { showReview } from "./people/reviews.ts";
import type { PolicySource } from "./ports.ts";
import { verifyCommand } from "./testing/bench.ts";
import { policyRepo, type TestPolicyRepo } from "./testing/policy-repo.ts";
import { type Person, type World, world } from "./testing/world.ts";

const WORKSPACE = "w1";
const on = subjects(WORKSPACE);
const names = streamNames(WORKSPACE);
const PROGRAM = join(import.meta.dirname, "testing", "keeper-process.ts");
const IDENTITIES: readonly Identity[] = [
  { role: "operator", principal: "ana" },
  { role: "approver", principal: "ben" },
  { role: "approver", principal: "cleo" },
];

let nats: TestNats;
let folder: TempDir;
let made: World;
let repo: TestPolicyRepo;
let audience: Audience;
let source: PolicySource;
let operator: Bus;
let commands: WorkConsumer;
let healthPort: number;
let arguments_: readonly string[];
let daemon: ChildProcess | undefined;
let seq = 0;

before(async () => {
  made = world();
  folder = await tempDir("keeper");
  nats = await startNats({ workspace: WORKSPACE, identities: IDENTITIES });
  repo = await policyRepo(folder.path, [made.keys.ana, made.keys.ben, made.keys.cleo]);
  await repo.publish(made.policy);
  audience = { workspace: WORKSPACE, policyRid: repo.rid };
  source = policyRepository(repo.repoDir, repo, 2);
  operator = await nats.bus({ role: "operator", principal: "ana" });
  commands = await (await nats.bus("controller")).consumer(names.cmd, CONSUMERS.cmd);
  const keyFile = join(folder.path, "keeper.json");
  const seedFile = join(folder.path, "keeper.nk");
  await writeKeyFile(keyFile, made.keeper);
  await writeFile(seedFile, nats.keyOf({ role: "keeper" }).seed, { mode: 0o600 });
  healthPort = await freePort();
  arguments_ = Object.entries({
    workspace: WORKSPACE,
    "nats-url": nats.url,
    "nkey-seed-file": seedFile,
    "key-file": keyFile,
    "policy-repo": repo.repoDir,
    "policy-rid": repo.rid,
    "policy-identity-root": repo.identityRoot,
    "poll-ms": "100",
    "health-port": String(healthPort),
    "log-level": "error",
  }).flatMap(([flag, value]) => [`--${flag}`, value]);
});

after(async () => {
  await stopDaemon("SIGKILL");
  await nats.close();
  await folder[Symbol.asyncDispose]();
});

async function startDaemon(): Promise<void> {
  daemon = spawn(process.execPath, [PROGRAM, ...arguments_], { stdio: ["ignore", "ignore", "inherit"] });
  await eventually(async () => (await health()).ok, { timeoutMs: 20_000, what: "a healthy keeper" });
}

async function stopDaemon(signal: NodeJS.Signals): Promise<number | null> {
  if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return null;
  const gone = once(daemon, "exit");
  daemon.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}

async function health(): Promise<{ readonly ok: boolean; readonly detail: Readonly<Record<string, unknown>> }> {
  const response = await fetch(`http://127.0.0.1:${healthPort}/healthz`);
  return (await response.json()) as { ok: boolean; detail: Record<string, unknown> };
}

/** An op by ana with her next number, published as she would. */
async function submit(op = "component.restart"): Promise<ReturnType<typeof buildOp>> {
  seq += 1;
  const built = buildOp({ op, seq }, { key: made.keys.ana, clock: systemClock, workspace: WORKSPACE, policyRid: repo.rid });
  await operator.publish(on.pending, built.compact);
  return built;
}

/** The next `count` decisions, as the controller takes them. */
async function take(count: number): Promise<readonly { readonly text: string; readonly command: Admission | Refusal }[]> {
  const taken: { text: string; command: Admission | Refusal }[] = [];
  while (taken.length < count) {
    const message = await eventually(() => commands.next({ waitMs: 500 }), { what: `decision ${taken.length + 1} of ${count}` });
    assert.ok(message.text !== undefined);
    taken.push({ text: message.text, command: verifyCommand(message.text) });
    await message.ackConfirmed();
  }
  return taken;
}

async function depsOf(by: Person) {
  const bus = await nats.bus({ role: "approver", principal: by });
  return { bus, audience, source, clock: systemClock, random: systemRandom };
}

test("keeper-daemon: admits what the policy signs, puts the rest to people, and ends the review when they agree", async () => {
  await startDaemon();
  const routine = await submit();
  const [first] = await take(1);
  assert.equal(first?.command.claims.op_digest, routine.op.token.digest);
  const removal = await submit("component.remove");
  const { jti } = removal.op.claims;
  const ben = await depsOf("ben");
  await eventually(async () => (await showReview(ben, jti)).state === "open", { what: "the review" });
  await approve(ben, { jti, key: made.keys.ben });
  await approve(await depsOf("cleo"), { jti, key: made.keys.cleo, expectDigest: removal.op.token.digest });
  const [second] = await take(1);
  assert.ok(second !== undefined && "basis" in second.command.claims);
  assert.deepEqual([second.command.claims.basis, second.command.claims.approvals.length], ["approved", 2]);
  await eventually(async () => (await showReview(ben, jti)).closedBy === "admitted", { what: "the end of the review" });
  const answer = await operator.last(names.answer, on.answer("ana", jti));
  assert.match(answer?.text ?? "", /"stage":"review"/);
});

test("keeper-daemon: killed in the middle of its work, it decides each op once, byte for byte (every-command-lands)", async () => {
  const wanted = new Set<string>();
  const submitting = (async () => {
    for (let count = 0; count < 15; count += 1) wanted.add((await submit()).op.token.digest);
  })();
  // Somewhere in the middle: after some decisions and before the rest.
  const taken = [...(await take(3))];
  await stopDaemon("SIGKILL");
  await submitting;
  await startDaemon();
  const texts = new Map<string, string>();
  while (texts.size < wanted.size) {
    const next = taken.shift() ?? (await take(1))[0];
    assert.ok(next !== undefined && "basis" in next.command.claims, "admitted");
    const digest = next.command.claims.op_digest;
    assert.ok(wanted.has(digest));
    assert.equal(texts.get(digest) ?? next.text, next.text, "a repeated decision has the same bytes");
    texts.set(digest, next.text);
  }
});

test("keeper-daemon: while it is down an op waits, and a person admits it in its place", async () => {
  assert.equal(await stopDaemon("SIGTERM"), 0);
  const built = await submit();
  const bus = await nats.bus("keeper-cli");
  const hand = { bus, bucket: await openBucket(bus, WORKSPACE), audience, source, clock: systemClock, logger: silentLogger };
  // Its last pull may still hold the message for the rest of its wait.
  const own = await eventually(async () => {
    const done = await admitPending({ ...hand, key: made.keys.ana }, { max: 1, waitMs: 500 });
    return done.length > 0 && done;
  });
  assert.deepEqual(
    own.map(({ verdict }) => verdict),
    ["own"],
  );
  const done = await eventually(async () => {
    const worked = await admitPending({ ...hand, key: made.keys.ben }, { max: 1, waitMs: 500 });
    return worked.length > 0 && worked;
  });
  assert.deepEqual(
    done.map(({ verdict, jti }) => [verdict, jti]),
    [["admit", built.op.claims.jti]],
  );
  const [taken] = await take(1);
  assert.equal(taken?.command.claims.iss, made.keys.ben.did);
});

test("keeper-daemon: follows the approved head of the policy, and takes nothing in once its key is no longer listed (no-fail-open)", async () => {
  await startDaemon();
  const commit = await repo.publish({ ...made.policy, policy_version: 2 });
  await eventually(async () => (await health()).detail["policy"] === commit, { what: "the new policy" });
  await repo.publish({ ...made.policy, policy_version: 3, keepers: [] });
  await eventually(async () => !(await health()).ok, { what: "an unhealthy keeper" });
  assert.match(String((await health()).detail["problem"]), /^kid_unknown: /);
  await submit();
  assert.equal(await commands.next({ waitMs: 1500 }), undefined);
  const { pending, unacked } = await (await nats.bus("watcher")).consumerState(names.pending, CONSUMERS.pending);
  assert.equal(pending + unacked, 1);
  assert.equal(await stopDaemon("SIGTERM"), 0);
});

test("runKeeper: says everything that is wrong with its configuration at once, and exits with 2", async () => {
  const lines: string[] = [];
  const code = await runKeeper(["--workspace", "Not A Name"], {}, { logSink: { write: (line) => void lines.push(line) } });
  assert.equal(code, 2);
  for (const flag of ["--workspace", "--key-file", "--nkey-seed-file", "--policy-repo", "--policy-rid", "--policy-identity-root"]) {
    assert.ok(lines.join("").includes(flag), flag);
  }
});
