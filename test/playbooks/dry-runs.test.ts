// Rehearsals on one running system: from nothing to the first op with its receipt; dry runs change nothing.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { PLAYBOOKS } from "@triplane/reflection";
import { System } from "./system.ts";

const TIMEOUT_MS = 850_000;

describe("playbooks: bootstrap and dry runs", { timeout: TIMEOUT_MS }, () => {
  let system: System;
  before(async () => {
    system = await System.open("playbooks-dry-runs");
  });
  after(() => system[Symbol.asyncDispose]());

  it("bootstrap_initial: from nothing to the first applied op, with a receipt that verifies", async () => {
    const played = await system.bootstrap();
    assert.equal(played.state, "passed");
    const jti = played.steps.find(({ id }) => id === "first_op")?.said.find((record) => "jti" in record)?.["jti"];
    const { records } = await system.data("ledger", "log");
    assert.ok(records.some((record: { subject: string; outcome: string }) => record.subject === jti && record.outcome === "applied"));
    const verified = await system.data("playbook", "verify", played.receipt ?? "");
    assert.deepEqual(verified.claims.ops, [jti]);
    assert.equal(verified.sameFiles, true);
    const { runs } = await system.data("playbook", "receipts");
    assert.deepEqual(
      runs.map((each: { run: string; receipt: string }) => [each.run, each.receipt]),
      [[played.run, played.receipt]],
    );
  });

  it("verify: a receipt that was changed, or that is none, is refused", async () => {
    const { runs } = await system.data("playbook", "receipts");
    const file = JSON.parse(await readFile(runs[0].receipt, "utf8"));
    const [head, payload, signature] = file.receipt.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const forged = Buffer.from(JSON.stringify({ ...claims, result: "failed" })).toString("base64url");
    const path = join(system.folder, "forged.json");
    await writeFile(path, JSON.stringify({ ...file, receipt: [head, forged, signature].join(".") }));
    assert.equal(await system.refusal("playbook", "verify", path), "playbook_receipt_invalid");
    await writeFile(path, "{}");
    assert.equal(await system.refusal("playbook", "verify", path), "playbook_receipt_invalid");
  });

  it("--dry-run of each leaves every hash as it was", async () => {
    await system.triplane("op", "wait", "--as", "ana", "--ledger");
    await system.triplane("op", "wait", "--as", "ci", "--ledger");
    const was = await system.hashes();
    for (const name of PLAYBOOKS) {
      const dry = await system.data("playbook", "run", name, "--dry-run", "--as", "ana");
      assert.equal(dry.state, "passed", `${name}: ${JSON.stringify(dry.steps)}`);
      const said = dry.steps.flatMap((step: { said: Record<string, unknown>[] }) => step.said);
      assert.ok(!said.some((record: object) => "did" in record), `${name} did something`);
      assert.ok(
        said.some((record: object) => "would" in record),
        `${name} says nothing of what it would do`,
      );
    }
    assert.deepEqual(await system.hashes(), was);
  });

  it("parameters are held against what the playbook takes", async () => {
    assert.equal(await system.refusal("playbook", "run", "rotate_keys", "--param", "whose=nobody"), "parameter_invalid");
    assert.equal(await system.refusal("playbook", "run", "onboard_operator", "--param", "name=$(id)"), "parameter_invalid");
    assert.equal(await system.refusal("playbook", "run", "nothing_of_the_kind"), "playbook_unknown");
    assert.equal(await system.refusal("playbook", "show", "01a20936-53ca-7db8-ab53-f07b0209eb0b"), "playbook_run_unknown");
  });
});
