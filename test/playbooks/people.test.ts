// Rehearsals on one running system: who decides, who comes and who goes.
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connectBus } from "@triplane/bus";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { System, WORKSPACE } from "./system.ts";

const TIMEOUT_MS = 850_000;

describe("playbooks: people", { timeout: TIMEOUT_MS }, () => {
  let system: System;
  before(async () => {
    system = await System.open("playbooks-people");
    await system.bootstrap();
  });
  after(() => system[Symbol.asyncDispose]());

  it("mode-is-operational: people decide, then the keeper again; no op is lost on the way", async () => {
    await system.play("switch_to_operator_only", [], []);
    const jti = await system.triplane("op", "submit", "component.restart", "web", "--as", "ana", "--quiet");
    assert.equal((await system.data("status")).bus.known.waiting.pending, 1);
    await system.triplane("keeper", "admit", "--as", "ben");
    await system.triplane("op", "wait", jti, "--as", "ana");
    const second = await system.triplane("op", "submit", "component.restart", "web", "--as", "ana", "--quiet");
    const played = await system.play("switch_to_vm_ops", [], []);
    assert.equal(played.state, "passed");
    await system.triplane("op", "wait", second, "--as", "ana", "--ledger");
  });

  let dora = "";

  it("onboard_operator: dora joins, is approved, and works", async () => {
    await writeFile(join(system.folder, "pin"), await system.triplane("governance", "pin"));
    dora = await system.triplane(
      "governance",
      "join",
      "pin",
      "--name",
      "dora",
      "--remote",
      ".triplane/storage",
      "--home",
      "dora",
      "--quiet",
    );
    assert.equal(await system.refusal("access", "add", "dora"), "access_unapproved");
    await system.play("onboard_operator", ["--param", "name=dora", "--param", `did=${dora}`], ["ana", "ben"]);
    await copyFile(join(system.folder, "dora/keys/dora.json"), join(system.home, "keys/dora.json"));
    await system.triplane("op", "submit", "component.restart", "web", "--as", "dora", "--wait");
    assert.equal(await system.refusal("access", "remove", "dora"), "access_unapproved");
  });

  it("offboard_operator: two have to confirm exactly this run", async () => {
    const asked = await system.play("offboard_operator", ["--param", "name=dora"], []);
    assert.equal(asked.state, "waiting");
    await system.triplane("playbook", "confirm", asked.run, "--as", "ana");
    const again = await system.play("offboard_operator", ["--run", asked.run], []);
    assert.deepEqual([again.state, again.confirmations?.people], ["waiting", ["ana"]]);
    assert.equal(await system.refusal("playbook", "confirm", asked.run, "--as", "scout"), "confirmation_refused");
  });

  it("offboard_operator: nothing of dora's works afterwards", async () => {
    const seed = (await readFile(join(system.home, "nats/approver-dora.nk"), "utf8")).trim();
    const token = (await readFile(join(system.home, "tokens/dora"), "utf8")).trim();
    const { ports, people } = JSON.parse(await readFile(join(system.home, "workspace.json"), "utf8"));
    const played = await system.playConfirmed("offboard_operator", ["--param", "name=dora"], ["ana", "cleo"], ["ana", "ben", "cleo"]);
    const verified = await system.data("playbook", "verify", played.receipt ?? "");
    assert.deepEqual(verified.confirmedBy.toSorted(), ["ana", "cleo"]);

    // The bus refuses the login, the orchestrator the token.
    const identity = { role: "approver", principal: "dora" } as const;
    const connection = { servers: `nats://127.0.0.1:${ports.nats}`, workspace: WORKSPACE, identity, nkeySeed: seed };
    await assert.rejects(connectBus({ ...connection, clock: systemClock, random: systemRandom, logger: silentLogger }), {
      code: "bus_denied",
    });
    const answer = await fetch(`http://127.0.0.1:${ports.orchestrator}/api/v1/workspaces/${WORKSPACE}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 401);
    assert.ok(people.operators.includes("dora"));
    assert.equal(await system.refusal("op", "submit", "component.restart", "web", "--as", "dora"), "key_unknown");

    // Even where somebody lends her their connection, what her key signs is refused.
    const key = join(system.home, "keys/dora.json");
    await system.refusesTheUnknown("--as", "ben", "--scope", "platform", "--key", key);
    const jti = await system.triplane("op", "submit", "component.remove", "web", "--as", "ana", "--expires-in", "1h", "--quiet");
    await inReview(system, jti);
    assert.equal(await system.refusal("keeper", "approve", jti, "--as", "ben", "--key", key), "approval_not_accepted");
    await system.triplane("op", "cancel", jti, "--as", "ana");

    // What she signs about the policy, in a home of her own, moves nothing here.
    const approved = async () =>
      (await system.data("governance", "status")).repositories.map((each: { approved?: { commit: string } }) => each.approved?.commit);
    const inForce = await approved();
    await system.try("governance", "fetch", "--home", "dora");
    await system.triplane("governance", "checkout", "policy", "hers", "--home", "dora");
    const proposed = await system.try(
      "policy",
      "amend",
      "hers",
      "--add-operator",
      `dora=${dora}`,
      "--groups",
      "platform",
      "--scopes",
      "platform",
    );
    assert.equal(proposed.code, 0, proposed.err);
    const offered = await system.data("governance", "propose", "policy", "hers", "--home", "dora");
    await system.try("governance", "approve", offered.id, "--words", offered.words, "--home", "dora");
    await system.try("governance", "push", "--home", "dora");
    assert.deepEqual(await approved(), inForce);
  });
});

async function inReview(system: System, jti: string): Promise<void> {
  for (let look = 0; look < 100; look += 1) {
    const { reviews } = await system.data("keeper", "list", "--as", "ben");
    if (JSON.stringify(reviews ?? {}).includes(jti)) return;
  }
  assert.fail(`${jti} does not come into review`);
}
