// Rehearsals on one running system: keys are replaced while ops flow; the CI plane is lost; the workload plane is lost.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connectBus } from "@triplane/bus";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { LOOKS, System, WORKSPACE } from "./system.ts";

const TIMEOUT_MS = 850_000;
/** Between two ops that flow, and between two tries: without it they take the processor from the rotation that they flow beside. */
const BETWEEN_OPS_MS = 1_000;

interface Record {
  readonly subject: string;
  readonly outcome: string;
}

describe("playbooks: keys and planes", { timeout: TIMEOUT_MS }, () => {
  let system: System;
  before(async () => {
    system = await System.open("playbooks-planes");
    await system.bootstrap();
  });
  after(() => system[Symbol.asyncDispose]());

  for (const whose of ["keeper", "controller"] as const)
    it(`rotate_keys: the ${whose}'s, with ops flowing meanwhile`, async () => {
      const old = await system.triplane("keys", "show", whose, "--did");
      await using flow = flowing(system);
      const probe = whose === "controller" ? ["--param", "probe=web"] : [];
      const played = await system.play("rotate_keys", ["--param", `whose=${whose}`, ...probe], ["ana", "ben"]);
      const sent = await flow.end();
      assert.equal(played.state, "passed");
      assert.notEqual(await system.triplane("keys", "show", whose, "--did"), old);
      await everyCommandLands(system, sent);
    });

  it("rotate_keys: an operator's, with ops flowing meanwhile; the old key counts for nothing", async () => {
    await writeFile(join(system.folder, "pin"), await system.triplane("governance", "pin"));
    const join_ = ["governance", "join", "pin", "--name", "ben", "--remote", ".triplane/storage", "--home", "ben-laptop", "--quiet"];
    const did = await system.triplane(...join_);
    await using flow = flowing(system);
    const parameters = ["whose=operator", "operator=ben", `new_did=${did}`].flatMap((each) => ["--param", each]);
    const playing = system.play("rotate_keys", parameters, ["ana", "cleo"]);
    await playing;
    const sent = await flow.end();
    await everyCommandLands(system, sent);
    const { repositories } = await system.data("governance", "status");
    for (const { delegates } of repositories) assert.ok(delegates.some((each: { did: string }) => each.did === did));
    await system.refusesTheUnknown("--as", "ben", "--scope", "platform");
    const key = join(system.folder, "ben-laptop/keys/ben.json");
    await system.triplane("op", "submit", "component.restart", "web", "--as", "ben", "--key", key, "--wait");
  });

  it("dr_daoshi_lost: everything of the CI plane is gone; it is re-provisioned with a new key, and the old credential is refused", async () => {
    const seed = (await readFile(join(system.home, "nats/operator-ci.nk"), "utf8")).trim();
    const old = await system.triplane("keys", "show", "ci", "--did");
    await system.triplane("down", "--plane", "ci");
    for (const lost of ["desired-sync", "outbox/ci", "keys/ci.json", "nats/operator-ci.nk", "tokens/ci"])
      await rm(join(system.home, lost), { recursive: true, force: true });
    const played = await system.playConfirmed("dr_daoshi_lost", [], ["ana", "cleo"], ["ana", "cleo"]);
    assert.equal(played.state, "passed");
    assert.notEqual(await system.triplane("keys", "show", "ci", "--did"), old);
    const { ports } = JSON.parse(await readFile(join(system.home, "workspace.json"), "utf8"));
    const identity = { role: "operator", principal: "ci" } as const;
    const connection = { servers: `nats://127.0.0.1:${ports.nats}`, workspace: WORKSPACE, identity, nkeySeed: seed };
    await assert.rejects(connectBus({ ...connection, clock: systemClock, random: systemRandom, logger: silentLogger }), {
      code: "bus_denied",
    });
    assert.equal((await system.data("drift")).ok, true);
  });

  it("dr_wuji_lost: streams, numbers and databases are gone; ledger and desired state lead to the same state hash", async () => {
    await system.triplane("op", "wait", "--as", "ana", "--ledger");
    const before = (await system.data("status")).state.known.state_hash;
    assert.match(before, /^sha256:/);
    await system.triplane("down");
    for (const lost of ["nats/data", "controller", "orchestrator/data", "mirror"])
      await rm(join(system.home, lost), { recursive: true, force: true });
    assert.notEqual((await system.try("up", "--detach")).code, 0);
    const played = await system.playConfirmed("dr_wuji_lost", ["--param", `state_hash=${before}`], ["ana", "cleo"], []);
    assert.equal(played.state, "passed");
    assert.equal((await system.data("status")).state.known.state_hash, before);
    const verified = await system.data("playbook", "verify", played.receipt ?? "");
    assert.deepEqual(verified.confirmedBy.toSorted(), ["ana", "cleo"]);
    await system.triplane("op", "submit", "component.restart", "web", "--as", "ana", "--wait");
  });
});

/** Ops of ana, one after another, whatever else happens; on another target than the op of the playbook, which else might be planned in vain. */
function flowing(system: System): AsyncDisposable & { end(): Promise<readonly string[]> } {
  const stopping = new AbortController();
  const sent: string[] = [];
  const work = (async () => {
    while (!stopping.signal.aborted) {
      await pause(BETWEEN_OPS_MS);
      // A plane that starts again cannot plan: then there is no op, and the next try makes one.
      const { code, out } = await system.try("op", "submit", "component.restart", "kv", "--as", "ana", "--quiet");
      if (code !== 0) continue;
      sent.push(out.trim());
      await system.try("op", "wait", out.trim(), "--as", "ana", "--for", "20s");
    }
  })();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await work;
  };
  return {
    [Symbol.asyncDispose]: stop,
    end: async () => {
      await stop();
      assert.ok(sent.length > 0, "no op flowed");
      return sent;
    },
  };
}

/** `every-command-lands`: each op is in the ledger exactly once, and the ledger verifies. */
async function everyCommandLands(system: System, sent: readonly string[]): Promise<void> {
  const land = async (): Promise<boolean> => {
    const { records } = await system.data("ledger", "log", "--count", "100000");
    const subjects = records.map(({ subject }: Record) => subject);
    const missing = sent.filter((jti) => subjects.filter((each: string) => each === jti).length !== 1);
    if (missing.length > 0) await system.try("op", "resend", "--as", "ana");
    return missing.length === 0;
  };
  await eventually(land, { ...LOOKS, what: `each of ${sent.join(", ")} in the ledger once` });
  const { records } = await system.data("ledger", "log", "--count", "100000");
  const outcomes = records.filter(({ subject }: Record) => sent.includes(subject)).map(({ outcome }: Record) => outcome);
  assert.ok(outcomes.includes("applied"), "none of them was applied");
  assert.equal((await system.data("ledger", "verify", "--full")).ok, true);
}
