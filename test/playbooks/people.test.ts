// Rehearsals on one running system: who decides, who comes and who goes.
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connectBus } from "@triplane/bus";
import { generateSigningKey } from "@triplane/contract";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { LOOKS, System, WORKSPACE } from "./system.ts";

const TIMEOUT_MS = 850_000;
/** A key that nobody lists yet. */
const STRANGER = generateSigningKey().did;

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

  it("governance approve: whoever joined and is no delegate is refused, and nothing is signed", async () => {
    const eve = await system.triplane(
      "governance",
      "join",
      "pin",
      "--name",
      "eve",
      "--remote",
      ".triplane/storage",
      "--home",
      "eve",
      "--quiet",
    );
    const { id, words } = await offered(system, "policy-of-eve", "eve", eve);
    assert.equal(await system.refusal("governance", "approve", id, "--words", words, "--home", "eve"), "delegate_required");
    assert.deepEqual((await system.data("governance", "show", id, "--home", "eve")).approvedBy, []);
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
    // What she could sign the day before, in a home of her own that hears of nothing since.
    await system.triplane("governance", "fetch", "--home", "dora");
    const stale = await offered(system, "stale", "dora", STRANGER);
    const played = await system.playConfirmed("offboard_operator", ["--param", "name=dora"], ["ana", "cleo"], ["ana", "ben", "cleo"]);
    assert.equal(played.state, "passed");
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

    // No repository has a key of hers among its delegates, and nobody's word but the policies' says whose it was.
    const { keys } = await system.data("governance", "keys", "dora");
    assert.deepEqual(keys, [{ did: dora, role: "operator", listed: false, delegateOf: [] }]);
    const governed = await standing(system);
    assert.equal(governed.length, 2);
    for (const { name, delegates } of governed) {
      assert.ok(delegates.length >= 3, name);
      assert.ok(!delegates.some(({ did }) => did === dora), name);
    }

    // Her home does not know of it yet: what she signs there moves nothing here, and is no approval.
    const inForce = governed.map(({ approved }) => approved.commit);
    const approving = ["governance", "approve", stale.id, "--words", stale.words, "--home", "dora"];
    await system.triplane(...approving);
    await system.triplane("governance", "push", "--home", "dora");
    assert.deepEqual(await approvedHeads(system), inForce);
    await approvedByOthersOnly(system, dora);

    // Once it knows, it refuses to sign: that proposal, and one that follows the policy in force.
    await system.triplane("governance", "fetch", "--home", "dora");
    assert.equal(await system.refusal(...approving), "delegate_required");
    const again = await offered(system, "hers", "dora", dora);
    assert.equal(await system.refusal("governance", "approve", again.id, "--words", again.words, "--home", "dora"), "delegate_required");
    await system.triplane("governance", "push", "--home", "dora");
    assert.ok((await standing(system)).some(({ proposals }) => proposals.some(({ id }) => again.id.startsWith(id))));
    await approvedByOthersOnly(system, dora);
    assert.deepEqual(await approvedHeads(system), inForce);
  });

  it("offboard_operator: again for somebody who has left, it finds their keys by the former policies, and nothing to do", async () => {
    const played = await system.playConfirmed("offboard_operator", ["--param", "name=dora"], ["ana", "cleo"], []);
    assert.equal(played.state, "passed");
    const said = played.steps.flatMap((step) => step.said);
    assert.deepEqual(said.find((record) => "keys" in record)?.["keys"], [{ did: dora, listed: false, delegateOf: [] }]);
    assert.ok(said.some((record) => record["left_out"] === "no key of dora is a delegate"));
  });
});

interface Governed {
  readonly name: string;
  readonly approved: { readonly commit: string };
  readonly delegates: readonly { readonly did: string }[];
  readonly proposals: readonly { readonly id: string; readonly approvedBy: readonly string[] }[];
}

async function standing(system: System): Promise<readonly Governed[]> {
  return (await system.data("governance", "status")).repositories;
}

async function approvedHeads(system: System): Promise<readonly string[]> {
  return (await standing(system)).map(({ approved }) => approved.commit);
}

async function approvedByOthersOnly(system: System, did: string): Promise<void> {
  for (const { name, proposals } of await standing(system)) {
    assert.ok(proposals.length > 0, name);
    for (const { id, approvedBy } of proposals) assert.ok(!approvedBy.includes(did), `${name} ${id}`);
  }
}

/** A policy that lists this key as a further operator's, proposed in the home of that name. */
async function offered(
  system: System,
  folder: string,
  home: string,
  did: string,
): Promise<{ readonly id: string; readonly words: string }> {
  await system.triplane("governance", "checkout", "policy", folder, "--home", home);
  const operator = ["--add-operator", `${home}-again=${did}`, "--groups", "platform", "--scopes", "platform"];
  await system.triplane("policy", "amend", folder, ...operator, "--may", "approve");
  return await system.data("governance", "propose", "policy", folder, "--home", home, "--title", `${home} again`);
}

async function inReview(system: System, jti: string): Promise<void> {
  const look = async (): Promise<boolean> => {
    const { reviews } = await system.data("keeper", "list", "--as", "ben");
    return JSON.stringify(reviews ?? {}).includes(jti);
  };
  await eventually(look, { ...LOOKS, what: `a review of ${jti}` });
}
