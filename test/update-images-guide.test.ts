import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";
import { ROOT } from "./e2e/installation.ts";
import { stepsOf } from "./e2e/markdown-session.ts";

const PIPELINE = "deploy/woodpecker/update-image.yaml";

test(
  "docs/how-to: CI updates an image under its rule, one person approves it, and running planes apply it; plain git, no Radicle",
  { timeout: GUIDE_TIMEOUT_MS },
  () => runGuides(["update-images-from-ci"]),
);

test(`${PIPELINE}: steps with a name, an image and commands, secrets by reference, and the commands of the guide`, async () => {
  const lines = (await readFile(join(ROOT, PIPELINE), "utf8")).split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  assert.ok(
    lines.every((line) => /^(?: {2})*(?:- )?\S/.test(line) && !line.includes("\t")),
    "indented by two",
  );
  assert.deepEqual(
    lines.filter((line) => /^[a-z_]+:/.test(line)).map((line) => line.split(":")[0]),
    ["when", "steps"],
  );
  const steps = lines
    .slice(lines.indexOf("steps:") + 1)
    .join("\n")
    .split(/^ {2}- name: /m)
    .slice(1);
  assert.deepEqual(
    steps.map((step) => step.split("\n")[0]),
    ["build", "update"],
  );
  for (const [index, key] of ["settings", "commands"].entries())
    assert.match(steps[index] ?? "", new RegExp(`^ {4}image: .*\n {4}(environment:(\n {6}.*)*\n {4})?${key}:`, "m"));
  assert.doesNotMatch(steps.join(""), /did:key|"seed"|PRIVATE/);
  assert.equal((steps[1]?.match(/from_secret: /g) ?? []).length, 2);
  // A colon and a blank inside a plain scalar would make a mapping of it.
  for (const line of lines.filter((each) => /^ {6}- /.test(each))) assert.doesNotMatch(line.slice(8), /^[^'"]*: /, line);
  const guide = stepsOf(await readFile(join(ROOT, "docs/how-to/update-images-from-ci.md"), "utf8"))
    .map(({ block }) => block.text)
    .join("\n");
  const words = (text: string, command: string) => (text.match(new RegExp(`triplane ${command}[^\n]*`))?.[0] ?? "").match(/--[a-z]+/g);
  for (const command of ["governance clone", "desired set-image"]) assert.deepEqual(words(steps[1] ?? "", command), words(guide, command));
});
