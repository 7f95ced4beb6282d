import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readNickelFile } from "@triplane/nickel";
import { componentDefinitionSchema } from "../../catalog/definition.ts";
import { FIXTURES } from "../../testing.ts";
import { argvOf, environmentOf, type LaunchPlan } from "./launch.ts";

const parsed = componentDefinitionSchema.parse(readNickelFile(join(FIXTURES, "probe"), "component.ncl").json);
assert.ok(parsed.driver === "Process");
const definition = parsed;
const host = {
  env: { PATH: "/bin", SECRET: "s", TRIPLANE_TEST_PASSED_ON: "yes" },
  node: "/n/node",
  tool: async () => "/t/nats",
  secretsDir: "/s",
};

function planFor(command: readonly string[], settings: LaunchPlan["settings"]): LaunchPlan {
  return {
    definition: { ...definition, command: [...command], ports: ["http", "monitor"] },
    ...{ target: "web", replica: 1, marker: "m", ports: { http: 1001, monitor: 1002 }, settings },
    ...{ componentDir: "/c", dataDir: "/d" },
  };
}

test("argvOf: one element stays one element, whatever its values hold", async () => {
  const nasty = `a b; rm -rf / $(x) "'\` {port} {data_dir}`;
  const plan = planFor(["{node}", "--mode={mode}", "{port}:{port.monitor}", "{data_dir}/x", "{instance}-{replica}"], { mode: nasty });
  assert.deepEqual(await argvOf(plan, host), ["/n/node", `--mode=${nasty}`, "1001:1002", "/d/x", "web-1"]);
});

test("argvOf: tools come from the tool cache, files from the release", async () => {
  const plan = planFor(["{tool.nats-server}", "{component_dir}/a"], {});
  assert.deepEqual(await argvOf(plan, host), ["/t/nats", "/c/a"]);
});

test("environmentOf: holds what is listed and nothing else", () => {
  assert.deepEqual(environmentOf(planFor([], {}), host), {
    TRIPLANE_INSTANCE: "web",
    TRIPLANE_REPLICA: "m",
    TRIPLANE_TEST_PASSED_ON: "yes",
  });
});

test("argvOf: of a secret the program gets the path", async () => {
  const settings = { password: { type: "Secret", description: "d" } } as const;
  const plan = planFor(["{node}", "--password-file={password}"], { password: "db-password" });
  const withSecret = { ...plan, definition: { ...plan.definition, settings } };
  assert.deepEqual(await argvOf(withSecret, host), ["/n/node", "--password-file=/s/db-password"]);
});
