// The validator of a running workspace: what held and is broken is told once, by alarm, status, metric and history; that it holds again, by the last two.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Sources, sourcesOfHome } from "@triplane/checker";
import { World } from "@triplane/cli";
import { type Alarm, streamNames } from "@triplane/contract";
import { freePort, systemClock, systemRandom } from "@triplane/kit";
import type { PastRun, Verdict } from "@triplane/reflection";
import { eventually } from "@triplane/testkit";
import { Program } from "../build/plane/program.ts";
import { askNats } from "../checker/raw-nats.ts";
import { triplaneHere } from "../e2e/in-process.ts";
import { ROOT } from "../e2e/installation.ts";
import type { Ran } from "../e2e/program.ts";

const VALIDATION = "validate-ops-contract";
const CHECK = "no-unknown-consumer";
const BIN = join(ROOT, "packages/cli/bin");
const WAIT_MS = 120_000;
/** A fraction of the time between two rounds. */
const LOOK_MS = 250;

describe("validator on a running workspace", { timeout: 800_000 }, () => {
  const stopping = new AbortController();
  let world: World;
  let sources: Sources;
  let validator: Program;
  let healthPort: number;

  before(async () => {
    world = await World.create({ clock: systemClock, random: systemRandom, signal: stopping.signal }, () => undefined);
    await world.bringUp("workload");
    sources = await sourcesOfHome(world.layout.root);
    healthPort = await freePort();
    const flags = ["--home", world.layout.root, "--workspace", world.workspace.workspace, "--triplane", join(BIN, "triplane.mjs")];
    // The schedule in seconds; the one that came up with the workspace looks once a day, and finds that nothing is due.
    const pace = ["--first-look-ms", "0", "--poll-ms", "100", "--period-s", "1"];
    validator = await Program.start(
      {
        ...{ name: "validator", log: join(world.folder, "validator.log") },
        argv: [process.execPath, join(BIN, "validator.mjs"), ...flags, ...pace, "--health-port", String(healthPort)],
        ready: async () => (await fetch(`http://127.0.0.1:${healthPort}/healthz`)).ok,
      },
      stopping.signal,
    );
  });
  after(async () => {
    stopping.abort();
    await validator?.stop();
    await world?.destroy();
  });

  const triplane = (...args: readonly string[]): Promise<Ran> =>
    triplaneHere([...args, "--home", world.layout.root], { cwd: world.folder, env: process.env });

  /** What the rounds of the validator said of the check, oldest first. */
  async function verdicts(): Promise<readonly (Verdict | undefined)[]> {
    const { out } = await triplane("validate", "history", VALIDATION, "--json");
    const { runs } = JSON.parse(out) as { runs: readonly PastRun[] };
    return runs.map(({ checks }) => checks.find(({ id }) => id === CHECK)?.verdict);
  }

  /** Until so many rounds after now have said it. */
  async function rounds(verdict: Verdict, count: number): Promise<void> {
    const before = (await verdicts()).length;
    await eventually(async () => (await verdicts()).slice(before).filter((each) => each === verdict).length >= count, {
      timeoutMs: WAIT_MS,
      intervalMs: LOOK_MS,
      what: `${count} rounds in which ${CHECK} is ${verdict}`,
    });
  }

  /** The value of triplane_validation_check for it. */
  async function metric(): Promise<number | undefined> {
    const text = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
    const line = text.split("\n").find((each) => each.startsWith("triplane_validation_check{") && each.includes(`check="${CHECK}"`));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  }

  async function alarms(): Promise<readonly Alarm[]> {
    return (await world.alarms()).filter(({ source }) => source === "validator");
  }

  const stream = () => streamNames(world.workspace.workspace).audit;
  const spy = () => ({ stream_name: stream(), config: { durable_name: "spy", ack_policy: "explicit" } });
  const breakIt = () => askNats(sources, [`CONSUMER.DURABLE.CREATE.${stream()}.spy`, spy()]);
  const mend = () => askNats(sources, [`CONSUMER.DELETE.${stream()}.spy`, {}]);

  it("says nothing while the check holds", async () => {
    await rounds("pass", 2);
    assert.equal(await metric(), 1);
    assert.deepEqual(await alarms(), []);
  });

  it("raises one alarm when the check fails, however many rounds it goes on failing", async () => {
    await breakIt();
    await rounds("fail", 3);
    assert.equal(await metric(), 0);
    const [alarm, ...others] = await alarms();
    assert.deepEqual(others, []);
    assert.deepEqual([alarm?.code, alarm?.subject], ["validation_failed", CHECK]);
    assert.match(alarm?.message ?? "", /^validate-ops-contract: no-unknown-consumer fails: OPS_AUDIT_libre-wuji has spy/);
    assert.match((await triplane("status")).out, /validator: validation_failed: validate-ops-contract: no-unknown-consumer fails: /);
  });

  it("shows that it holds again by metric and history, and raises no alarm for that", async () => {
    await mend();
    await rounds("pass", 2);
    assert.equal(await metric(), 1);
    assert.equal((await alarms()).length, 1);
    const turns = (await verdicts()).filter((verdict, index, all) => verdict !== all[index - 1]);
    assert.deepEqual(turns, ["pass", "fail", "pass"]);
  });

  it("raises another one when it fails again", async () => {
    await breakIt();
    await rounds("fail", 2);
    assert.deepEqual(
      (await alarms()).map(({ subject }) => subject),
      [CHECK, CHECK],
    );
  });
});
