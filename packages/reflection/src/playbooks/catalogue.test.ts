import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { tempDir } from "@triplane/testkit";
import { openPlaybooks } from "./catalogue.ts";
import { resolveParameters } from "./parameters.ts";

const PROVISIONING = resolve(import.meta.dirname, "../../../../provisioning");

const GOOD = `{
  id = "greet",
  description = "Says hello.",
  trigger = "Somebody comes.",
  parameters = [
    { name = "who", description = "Who comes.", type = 'Text, required = true, pattern = "[a-z]+", example = "ana" },
    { name = "loud", description = "How loud.", type = 'Choice, choices = ["low", "high"], default = "low" },
    { name = "times", description = "How often.", type = 'Integer },
  ],
  scripts = ["greet.nu"],
  steps = [
    { id = "greet", action = "say hello", actor = 'Any, cmd = "nu catalog/playbooks/greet/greet.nu", changes = true },
  ],
}
`;

async function rootWith(text: string) {
  const folder = await tempDir("playbooks");
  const own = join(folder.path, "catalog/playbooks/greet");
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "playbook.ncl"), text);
  await writeFile(join(own, "greet.nu"), "print hello\n");
  return { folder, catalogue: openPlaybooks(folder.path), script: join(own, "greet.nu") };
}

async function problemsOf(text: string): Promise<string> {
  const { folder, catalogue } = await rootWith(text);
  await using _ = folder;
  const [entry] = await catalogue.list();
  assert.equal(entry?.failure?.code, "playbook_invalid", entry?.failure?.message);
  return entry.failure.message;
}

describe("openPlaybooks", () => {
  it("reads all that come with Triplane, each as a mode, too", async () => {
    const catalogue = openPlaybooks(PROVISIONING);
    const entries = await catalogue.list();
    assert.deepEqual(
      entries.filter(({ failure }) => failure !== undefined).map(({ name, failure }) => `${name}: ${failure?.message}`),
      [],
    );
    assert.ok(entries.length >= 8);
    for (const { name, loaded } of entries) {
      if (loaded === undefined) continue;
      assert.ok(loaded.files.has("common.nu"));
      assert.equal((await catalogue.modes.load(name)).steps.length, loaded.playbook.steps.length);
    }
  });

  it("the digest is of all files: another script is another playbook", async () => {
    const { folder, catalogue, script } = await rootWith(GOOD);
    await using _ = folder;
    const { digest } = await catalogue.load("greet");
    await writeFile(script, "print goodbye\n");
    assert.notEqual((await catalogue.load("greet")).digest, digest);
    await assert.rejects(catalogue.load("../greet"), { code: "playbook_unknown" });
    await assert.rejects(catalogue.load("nothing"), { code: "playbook_unknown" });
  });

  it("says what is wrong, with file, line and column", async () => {
    assert.match(await problemsOf(GOOD.replace('id = "greet",\n  d', 'id = "other",\n  d')), /playbook\.ncl:2:8: id: must be "greet"/);
    assert.match(await problemsOf(GOOD.replace('scripts = ["greet.nu"]', 'scripts = ["gone.nu"]')), /there is no file gone\.nu/);
    assert.match(
      await problemsOf(GOOD.replace('scripts = ["greet.nu"]', "scripts = []")),
      /calls greet\/greet\.nu, which `scripts` does not list/,
    );
    assert.match(await problemsOf(GOOD.replace("changes = true", "changes = false")), /change nothing/);
    assert.match(await problemsOf(GOOD.replace('example = "ana"', 'example = "Ana"')), /does not match/);
    assert.match(await problemsOf(GOOD.replace(', example = "ana"', "")), /needs an example/);
    assert.match(await problemsOf(GOOD.replace('choices = ["low", "high"], ', "")), /choices/);
    assert.match(await problemsOf(GOOD.replace("  scripts", "  destructive = true,\n  scripts")), /needs a confirmation/);
    assert.match(await problemsOf(GOOD.replace("[a-z]+", "[a-z")), /pattern/);
    assert.match(
      await problemsOf(GOOD.replace("changes = true", 'changes = true, depends_on = [{ step = "gone", kind = \'OnSuccess }]')),
      /gone/,
    );
  });
});

describe("resolveParameters", () => {
  async function resolved(given: Record<string, string>, dryRun = false) {
    const { folder, catalogue } = await rootWith(GOOD);
    await using _ = folder;
    return resolveParameters((await catalogue.load("greet")).playbook, given, { dryRun });
  }

  it("fills in defaults, and examples in a dry run only", async () => {
    assert.deepEqual(await resolved({ who: "ben", times: "3" }), { who: "ben", loud: "low", times: "3" });
    assert.deepEqual(await resolved({}, true), { who: "ana", loud: "low" });
  });

  it("refuses every wrong one, all at once", async () => {
    const refused = async (given: Record<string, string>): Promise<string> => {
      try {
        await resolved(given);
      } catch (thrown) {
        assert.ok(thrown instanceof TriplaneError && thrown.code === "parameter_invalid");
        return thrown.message;
      }
      return "";
    };
    const all = await refused({ loud: "shouting", times: "3.5", other: "x" });
    for (const part of [
      /no parameter other/,
      /who is missing/,
      /loud: "shouting" is none of low, high/,
      /times: "3\.5" is no whole number/,
    ])
      assert.match(all, part);
    assert.match(await refused({ who: "ana; rm -rf /" }), /does not match/);
    assert.match(await refused({ who: "ana\n" }), /control character/);
  });
});
