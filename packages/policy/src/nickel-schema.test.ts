import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { exportWithNickel } from "@triplane/nickel";
import { loadPolicy } from "./load.ts";
import { renderPolicyDef } from "./nickel-schema.ts";
import { policyText } from "./test-support.ts";

const DEFINITION = fileURLToPath(new URL("../../../provisioning/schemas/lib/keeper_policy.ncl", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "triplane-policy-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("renderPolicyDef: provisioning/schemas/lib/keeper_policy.ncl is what the schema gives (npm run generate -w @triplane/policy)", () => {
  assert.equal(readFileSync(DEFINITION, "utf8"), renderPolicyDef());
});

test("PolicyDef: the nickel program accepts with it what loadPolicy accepts, and refuses what that refuses", async (context) => {
  let program: string;
  try {
    program = (await findTool("nickel")).path;
  } catch (thrown) {
    if (!(thrown instanceof TriplaneError) || thrown.code !== "tool_missing") throw thrown;
    context.skip(`THE NICKEL PROGRAM IS MISSING, PolicyDef is not tested: ${thrown.message} (${thrown.hint})`);
    return;
  }
  const check = async (text: string) => {
    writeFileSync(join(folder, "policy.ncl"), text);
    writeFileSync(
      join(folder, "check.ncl"),
      `let { PolicyDef } = import ${JSON.stringify(DEFINITION)} in (import "policy.ncl") | PolicyDef`,
    );
    return exportWithNickel(join(folder, "check.ncl"), { program });
  };
  const good = policyText();
  assert.equal(Reflect.get(Object(await check(good)), "workspace"), "libre-wuji");
  loadPolicy(new Map([["keeper_policy.ncl", good]]));
  const bad: readonly Readonly<Record<string, string>>[] = [
    { version: "2" },
    { policy_version: "1.5" },
    { workspace: '"Libre Wuji"' },
    { limits: "{ max_lifetime_s = 3600, clock_skew_s = 31 }" },
    { limits: '{ max_lifetime_s = "3600", clock_skew_s = 30 }' },
    { operators: "[]" },
    { operators: `[{ principal = "a", keys = ["did:key:x"], groups = [], scopes = [], may = [] }]` },
    { review: '[{ id = "r", kinds = ["*"], targets = ["*"], approvals = 0, groups = ["ops"] }]' },
    { auto_sign: '[{ id = "r", kinds = ["*"], targets = ["*"], mode = "auto" }]' },
    { deny: '[{ id = "r", kinds = ["*"], targets = ["*"] }]' },
    { extra: "1" },
  ];
  for (const changes of bad) {
    const text = policyText(changes);
    await assert.rejects(check(text), { code: "nickel_program_failed" }, JSON.stringify(changes));
    assert.throws(() => loadPolicy(new Map([["keeper_policy.ncl", text]])), { code: "policy_invalid" }, JSON.stringify(changes));
  }
});
