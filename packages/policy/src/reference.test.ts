import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { POLICY_ENTRY } from "./load.ts";
import { policySchema } from "./schema.ts";
import { assertCasesPass, POLICY_TESTS, testPolicy } from "./test-policy.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/keeper-policy.md", import.meta.url), "utf8");

test("docs/reference/keeper-policy.md: its policy is sound and its cases hold", () => {
  const [policy, cases] = [...PAGE.matchAll(/```ncl\n(.*?)```/gs)].map((match) => match[1]);
  assert.ok(policy !== undefined && cases !== undefined);
  const results = testPolicy(
    new Map([
      [POLICY_ENTRY, policy],
      [POLICY_TESTS, cases],
    ]),
  );
  assert.equal(results.length, 2);
  assertCasesPass(results);
});

test("docs/reference/keeper-policy.md: names every field of the schema", () => {
  for (const field of Object.keys(policySchema.shape)) assert.match(PAGE, new RegExp(`^\\s*${field} = `, "m"), field);
});
