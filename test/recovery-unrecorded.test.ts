import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { World } from "@triplane/cli";
import { systemClock, systemRandom } from "@triplane/kit";
import { type Installation, installation } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

describe("records that the ledger never got (every-command-lands)", { timeout: 540_000 }, () => {
  const stopping = new AbortController();
  let world: World;
  let installed: Installation;
  before(async () => {
    installed = await installation("unrecorded");
    world = await World.create({ clock: systemClock, random: systemRandom, signal: stopping.signal }, () => undefined);
  });
  after(async () => {
    assert.deepEqual(await world.destroy(), []);
    await installed[Symbol.asyncDispose]();
  });

  async function triplane(...args: readonly string[]): Promise<string> {
    const env = { ...installed.env, TRIPLANE_HOME: world.layout.root };
    const { code, out, err } = await run(installed.program("triplane"), args, { cwd: installed.folder, env });
    assert.equal(code, 0, err);
    return out;
  }

  /** An op that is applied, and whose submitter holds the outcome, while nobody mirrors; then everything is down. */
  async function appliedWithoutMirror(op: string, args: Record<string, string | number>): Promise<string> {
    const processes = await world.bringUp("workload");
    await world.bringUp("signing");
    const { process: supervisor } = JSON.parse(await readFile(join(world.layout.run, "plane-workload.json"), "utf8"));
    const mirror = processes.find(({ name }) => name === "audit-mirror");
    for (const pid of [supervisor.pid, mirror?.process.pid]) process.kill(pid, "SIGKILL");
    const sent = await world.submit("ana", await world.plan("ana", { op, target: "web", args }));
    assert.equal((await world.outcome("ana", sent.entry.jti, 90_000)).claims.outcome, "applied");
    assert.equal(await world.ledgerCount(sent.entry.jti), 0);
    for (const plane of ["signing", "workload"] as const) await world.takeDown(plane);
    return sent.entry.jti;
  }

  const inLedger = (jti: string) => world.eventually(`${jti} in the ledger`, async () => (await world.ledgerCount(jti)) > 0, 90_000);

  it("pitfall 2: NATS lost: the controller publishes again what it had published", async () => {
    const jti = await appliedWithoutMirror("component.deploy", { component: "web" });
    await rm(world.layout.natsData, { recursive: true });
    assert.match(await triplane("ledger", "replay"), /kept: 1 op; 1 record that the ledger lacks/);
    await world.bringUp("workload");
    await inLedger(jti);
    assert.equal(await world.ledgerCount(jti), 1);
    await world.takeDown("workload");
  });

  it("NATS and the controller's database lost: the op is sent again and gets a record; it is not applied again (applied-once)", async () => {
    const jti = await appliedWithoutMirror("component.scale", { replicas: 2 });
    await rm(world.layout.natsData, { recursive: true });
    await rm(join(world.layout.controller, "store"), { recursive: true });
    assert.match(await triplane("ledger", "replay"), /controller {4}rebuilt: 1 op\norchestrator {2}kept/);
    await world.bringUp("workload");
    await world.bringUp("signing");
    assert.match(await triplane("op", "resend", "--unrecorded", "--as", "ana"), new RegExp(jti));
    await inLedger(jti);
    assert.equal(await world.ledgerCount(jti), 1);
    assert.equal((await world.target("web")).version, 2);
    assert.equal((await world.ledgerRecord(jti))?.claims.state_version_after, 2);
  });
});
