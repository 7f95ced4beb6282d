import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { childEnvironment, World } from "@triplane/cli";
import { freePort, systemClock, systemRandom } from "@triplane/kit";
import { ROOT } from "./e2e/installation.ts";

const PROGRAM = join(ROOT, "packages/cli/bin/ops-controller.mjs");
const PATIENCE_MS = 90_000;

/** An ops-controller beside the one that `triplane up` started. */
interface Controller {
  readonly process: ChildProcess;
  readonly ended: Promise<number | string>;
  log(): string;
}

describe("two ops-controllers on one workspace (ops-controller-single-workqueue-consumer)", { timeout: 600_000 }, () => {
  const stopping = new AbortController();
  const started: Controller[] = [];
  let world: World;
  let first: number;

  async function start(standby: boolean): Promise<Controller> {
    const config = JSON.parse(await readFile(join(world.layout.controller, "config.json"), "utf8"));
    const file = join(world.folder, `controller-${started.length}.json`);
    await writeFile(file, JSON.stringify({ ...config, standby, healthPort: await freePort() }), { mode: 0o600 });
    const child = spawn(process.execPath, [PROGRAM, "--config", file], {
      env: childEnvironment(process.env),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        log += chunk;
      });
    const ended = once(child, "exit").then(([code, signal]) => signal ?? code);
    const controller = { process: child, ended, log: () => log };
    started.push(controller);
    return controller;
  }

  const logged = (controller: Controller, what: RegExp): Promise<boolean> =>
    world.eventually(`${what}`, async () => what.test(controller.log()), PATIENCE_MS);

  before(async () => {
    world = await World.create({ clock: systemClock, random: systemRandom, signal: stopping.signal }, () => undefined);
    const processes = await world.bringUp("workload");
    await world.bringUp("signing");
    // Without its supervisor, nobody starts the first one again.
    const { process: supervisor } = JSON.parse(await readFile(join(world.layout.run, "plane-workload.json"), "utf8"));
    process.kill(supervisor.pid, "SIGKILL");
    first = processes.find(({ name }) => name === "ops-controller")?.process.pid ?? 0;
    assert.ok(first > 0);
  });
  after(async () => {
    for (const { process: child } of started) child.kill("SIGKILL");
    assert.deepEqual(await world.destroy(), []);
  });

  it("the second one refuses, and says why by the invariant's id", async () => {
    const second = await start(false);
    assert.equal(await second.ended, 1);
    assert.match(second.log(), /lease_held/);
    assert.match(second.log(), /ops-controller-single-workqueue-consumer/);
  });

  it("a standby takes over when the first one is killed, and says after how long", async () => {
    const standby = await start(true);
    await logged(standby, /waiting as a standby/);
    process.kill(first, "SIGKILL");
    await logged(standby, /took over after \d+ ms without a sign of .*; at most lease ttl \+ poll = 5000 ms/);
    const sent = await world.submit("ana", await world.plan("ana", { op: "component.deploy", target: "web", args: { component: "web" } }));
    assert.equal((await world.outcome("ana", sent.entry.jti, PATIENCE_MS)).claims.outcome, "applied");
  });

  it("one that is stopped in the middle of an apply, for longer than its lease, ends when it wakes up; the op is applied and recorded once", async () => {
    const stopped = started.at(-1);
    assert.ok(stopped !== undefined);
    const args = { component: "web", settings: { warmup_ms: 4000 } };
    const sent = await world.submit("ana", await world.plan("ana", { op: "component.deploy", target: "slow", args }));
    const { jti } = sent.entry;
    await world.eventually("the op runs", async () => (await world.applying(jti))?.status === "running", PATIENCE_MS);
    stopped.process.kill("SIGSTOP");
    const heir = await start(true);
    // An embedded store has one owner, and a process that is stopped still is.
    await logged(heir, /the store is still held by another process/);
    stopped.process.kill("SIGCONT");
    assert.equal(await stopped.ended, 1);
    assert.match(stopped.log(), /lease_lost|fencing_stale/);
    await logged(heir, /"msg":"active"/);
    assert.equal((await world.outcome("ana", jti, PATIENCE_MS)).claims.outcome, "applied");
    assert.equal((await world.target("slow")).version, 1);
    await world.eventually("the ledger has it", async () => (await world.ledgerCount(jti)) > 0, PATIENCE_MS);
    assert.equal(await world.ledgerCount(jti), 1);
    const next = await world.submit("ana", await world.plan("ana", { op: "component.scale", target: "slow", args: { replicas: 2 } }));
    assert.equal((await world.outcome("ana", next.entry.jti, PATIENCE_MS)).claims.outcome, "applied");
  });
});
