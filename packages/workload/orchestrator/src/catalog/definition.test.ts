import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readNickelFile } from "@triplane/nickel";
import { FIXTURES } from "../testing.ts";
import { componentDefinitionSchema, settingProblem } from "./definition.ts";
import { resolveSettings } from "./settings.ts";

const good = componentDefinitionSchema.parse(readNickelFile(join(FIXTURES, "probe"), "component.ncl").json);
const problems = (change: object): string =>
  (componentDefinitionSchema.safeParse({ ...good, ...change }).error?.issues ?? [])
    .map(({ path, message }) => `${path.join(".")}: ${message}`)
    .join("; ");

test("componentDefinitionSchema: the program is fixed by the catalog", () => {
  for (const program of ["node", "/bin/sh", "{mode}", "{node} -e", "sh", "{data_dir}/x", "{env}"])
    assert.match(problems({ command: [program, "{component_dir}/a.mjs"] }), /must begin with/, program);
  for (const program of ["{node}", "{tool.nats-server}", "{component_dir}/bin/run"]) assert.equal(problems({ command: [program] }), "");
});

test("componentDefinitionSchema: text from an op never stands alone in the command line", () => {
  assert.match(problems({ command: ["{node}", "{mode}"] }), /must follow --option=/);
  assert.match(problems({ command: ["{node}", "-e{mode}"] }), /must follow --option=/);
  assert.equal(problems({ command: ["{node}", "--mode={mode}", "{after_ms}"] }), "");
});

test("componentDefinitionSchema: placeholders, ports and defaults have to fit", () => {
  assert.match(problems({ command: ["{node}", "{nothing}"] }), /nothing is called \{nothing\}/);
  assert.match(problems({ command: ["{node}", "{port.other}"] }), /nothing is called/);
  assert.match(problems({ ports: [] }), /there is no port http/);
  assert.match(problems({ ports: ["http", "http"] }), /occurs twice/);
  assert.match(
    problems({ settings: { ...good.settings, port: { type: "Bool", description: "", default: true } } }),
    /taken by a placeholder/,
  );
  const bad = { type: "Integer", description: "", default: 9, min: 0, max: 5 };
  assert.match(problems({ settings: { ...good.settings, bad } }), /bad\.default: must be from 0 to 5/);
  assert.notEqual(problems({ shell: true }), "");
});

test("settingProblem: wrong types, lengths, ranges and control characters", () => {
  const text = { type: "String", description: "", default: "", max_length: 3 } as const;
  assert.equal(settingProblem(text, "abc"), undefined);
  for (const value of ["abcd", 1, "a\nb", "a\0", null]) assert.notEqual(settingProblem(text, value), undefined);
  const count = { type: "Integer", description: "", default: 0, min: 0, max: 9 } as const;
  for (const value of [-1, 10, 1.5, "1", Number.NaN]) assert.notEqual(settingProblem(count, value), undefined);
});

test("resolveSettings: completes with defaults; reports every problem together", () => {
  assert.deepEqual(resolveSettings(good, { mode: "sick" }), { mode: "sick", after_ms: 0 });
  assert.throws(() => resolveSettings(good, { mode: 1, other: 2 }), {
    code: "args_invalid",
    details: { problems: ["settings.other: probe has no such setting", "settings.mode: must be text"] },
  });
  assert.throws(() => resolveSettings(good, { __proto__: 1, constructor: "x" }), { code: "args_invalid" });
});

test("settingProblem: a secret is named, and what is no name is not told", () => {
  const secret = { type: "Secret", description: "" } as const;
  assert.equal(settingProblem(secret, "db-password"), undefined);
  for (const value of ["S3cret!", "", "../x", 7, undefined, "x".repeat(64)])
    assert.equal(settingProblem(secret, value), "must be the name of a secret, never the secret itself");
});

test("settingProblem: an image is named by its digest, and has no default", () => {
  const image = { type: "Image", description: "" } as const;
  assert.equal(settingProblem(image, `reg.example/team/app@sha256:${"a".repeat(64)}`), undefined);
  for (const value of ["reg.example/team/app:1.0", "app", "", 7, undefined]) assert.match(settingProblem(image, value) ?? "", /by digest/);
});

test("componentDefinitionSchema: a settings file holds no secret", () => {
  const flags = { name: "flags", version: "1.0.0", description: "d", driver: "File" };
  const parsed = componentDefinitionSchema.safeParse({ ...flags, settings: { password: { type: "Secret", description: "d" } } });
  assert.match(parsed.error?.message ?? "", /others read the file/);
});
