// docs/reference/registry.md says what the code does: its tables are compared with the description of namespaces and roles.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NAMESPACES } from "./namespaces.ts";
import { ACTIONS, type Action, type ResourceType } from "./tokens/access.ts";
import { ROLE_NAMES, ROLES } from "./tokens/roles.ts";

const PAGE = join(import.meta.dirname, "../../../../docs/reference/registry.md");

function rights(role: keyof typeof ROLES, namespace: string): string {
  const grants: readonly { readonly type: ResourceType; readonly prefix: string; readonly actions: readonly Action[] }[] = ROLES[role];
  const here = grants.filter(({ type, prefix }) => (type === "repository" ? prefix === `${namespace}/` : type === namespace));
  const actions = ACTIONS.filter((action) => here.some((grant) => grant.actions.includes(action)));
  return actions.length === 0 ? "–" : actions.join(", ");
}

test("the reference page: every role with its rights in every namespace", async () => {
  const page = await readFile(PAGE, "utf8");
  for (const role of ROLE_NAMES) {
    const row = `| ${[role, ...NAMESPACES.map(({ name }) => rights(role, name))].join(" | ")} |`;
    assert.ok(page.includes(row), row);
  }
});

test("the reference page: every namespace, what it holds, and how long what no tag names stays", async () => {
  const page = await readFile(PAGE, "utf8");
  for (const { name, holds, retention } of NAMESPACES) {
    assert.ok(new RegExp(`^\\| ${name} \\|.*\\| ${holds} \\|`, "m").test(page), name);
    if (retention !== undefined) assert.ok(new RegExp(`^\\| ${name} \\|.*\\| ${retention.untaggedHours} h \\|$`, "m").test(page), name);
  }
});
