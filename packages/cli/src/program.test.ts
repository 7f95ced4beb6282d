import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock, systemRandom } from "@triplane/kit";
import type { CommandContext } from "./framework/command.ts";
import { loadCommands } from "./framework/listing.ts";
import { type Program, runShell } from "./framework/shell.ts";
import { PRODUCT_ROOT } from "./home/layout.ts";
import { KEEPER_PROGRAM, ONTOREF_PROGRAM, PROGRAM } from "./program.ts";

const WORKSPACE_FOLDER = join(PRODUCT_ROOT, "provisioning/workspaces/libre-wuji");

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-cli-"));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In an empty folder unless told otherwise, with no environment and nobody at the terminal. */
async function run(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly input?: string; readonly program?: Program } = {},
): Promise<Ran> {
  let out = "";
  let err = "";
  const streams = {
    out: (chunk: string) => {
      out += chunk;
    },
    err: (chunk: string) => {
      err += chunk;
    },
  };
  const contextFor = (json: boolean): CommandContext => ({
    ...{
      env: {},
      cwd: options.cwd ?? folder,
      clock: systemClock,
      random: systemRandom,
      signal: new AbortController().signal,
      terminal: false,
      json,
    },
    progress: (line) => streams.err(`${line}\n`),
    emit: (event, text) => streams.out(json ? `${JSON.stringify(event)}\n` : `${text}\n`),
    readInput: async () => options.input ?? "",
    askSecret: async () => undefined,
  });
  const code = await runShell(options.program ?? PROGRAM, argv, streams, contextFor);
  return { code, out, err };
}

function codeIn(ran: Ran): string {
  return (JSON.parse(ran.err.trim().split("\n").at(-1) ?? "") as { error: { code: string } }).error.code;
}

for (const program of [PROGRAM, KEEPER_PROGRAM, ONTOREF_PROGRAM]) {
  describe(`${program.name}: every command`, async () => {
    for (const command of await loadCommands(program.commands)) {
      const words = command.name.split(" ");

      it(`${command.name} --help has summary, arguments, options, examples and exit codes`, async () => {
        const { code, out, err } = await run([...words, "--help"], { program });
        assert.equal(code, 0);
        assert.equal(err, "");
        const flat = out.replaceAll(/\s+/g, " ");
        assert.ok(flat.includes(command.summary), "the summary is missing");
        for (const each of command.args)
          assert.ok(each.description !== "" && flat.includes(each.description), `${each.name} is not described`);
        for (const each of command.options) {
          assert.ok(out.includes(`--${each.flag}`), `--${each.flag} is missing`);
          assert.ok(each.description !== "" && flat.includes(each.description), `--${each.flag} is not described`);
        }
        for (const example of command.examples) {
          assert.ok(out.includes(`$ ${example.command}`), "an example is missing");
          assert.match(example.command, /\b(triplane|ontoref)\b/, "an example is of another program");
        }
        assert.match(flat, command.ownExitCodes ? /Exit codes: 0 .+, 1 / : /Exit codes: 0 done, 1 failed or refused, 2 wrong usage\./);
        assert.equal(out.includes("--json"), command.json || command.options.some((each) => each.flag === "json"));
      });

      it(`${command.name} answers an unknown option with exit code 2 and code usage`, async () => {
        const args = command.args.filter((each) => each.required).map((each) => each.choices?.[0] ?? "x");
        const ran = await run([...words, ...args, "--no-such-option", "--json"], { program });
        assert.equal(ran.code, 2);
        assert.equal(ran.out, "");
        assert.equal(codeIn(ran), "usage");
      });
    }

    it("has a description for each of its groups, and no group without commands", () => {
      const nouns = new Set(program.commands.flatMap(({ noun }) => noun ?? []));
      assert.deepEqual([...nouns].sort(), Object.keys(program.nouns).sort());
    });
  });
}

describe("commands without a workspace", () => {
  const jti = "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b";
  for (const argv of [
    ["up"],
    ["down"],
    ["status"],
    ["op", "plan", "component.deploy", "web"],
    ["op", "submit", "component.deploy", "web"],
    ["op", "show", jti],
    ["op", "list"],
    ["op", "wait", jti],
    ["op", "cancel", jti],
    ["keeper", "list"],
    ["keeper", "show", jti],
    ["keeper", "approve", jti],
    ["keeper", "reject", jti],
    ["keeper", "admit"],
    ["policy", "test"],
    ["ledger", "log"],
    ["ledger", "path"],
    ["receipt", jti],
  ]) {
    it(`${argv.slice(0, 2).join(" ")} says home_missing`, async () => {
      const ran = await run([...argv, "--json"]);
      assert.equal(ran.code, 1);
      assert.equal(codeIn(ran), "home_missing");
    });
  }

  it("keys show says key_unknown", async () => {
    assert.equal(codeIn(await run(["keys", "show", "--json"])), "key_unknown");
  });

  it("ledger verify asks for anchors rather than trusting what it verifies (`no-fail-open`)", async () => {
    const ran = await run(["ledger", "verify", ".", "--json"]);
    assert.equal(ran.code, 2);
    assert.equal(codeIn(ran), "usage");
    assert.equal(codeIn(await run(["ledger", "verify", ".", "--state-rid", "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", "--json"])), "usage");
  });

  it("verify says receipt_invalid for what is no receipt", async () => {
    assert.equal(codeIn(await run(["verify", "-", "--json"], { input: "{}" })), "receipt_invalid");
  });
});

describe("keys", () => {
  it("new makes a key once, in a file that only its owner reads, and shows nothing secret", async () => {
    const made = await run(["keys", "new", "dora", "--out", "dora.json", "--json"]);
    assert.equal(made.code, 0);
    assert.doesNotMatch(made.out, /seed/);
    assert.equal((await stat(join(folder, "dora.json"))).mode & 0o777, 0o600);
    assert.equal((await run(["keys", "new", "dora", "--out", "dora.json"])).code, 2);
  });

  it("show prints the DIDs of a home's keys", async () => {
    const cwd = await mkdtemp(join(folder, "keys-"));
    assert.equal((await run(["init", "--json"], { cwd })).code, 0);
    assert.equal((await run(["keys", "new", "dora"], { cwd })).code, 0);
    const shown = await run(["keys", "show", "dora", "--json"], { cwd });
    const [key] = (JSON.parse(shown.out) as { keys: { did: string }[] }).keys;
    assert.doesNotMatch(shown.out, /seed/);
    assert.equal((await run(["keys", "show", "dora", "--did"], { cwd })).out, `${key?.did}\n`);
    assert.equal(codeIn(await run(["keys", "show", "nobody", "--json"], { cwd })), "key_unknown");
  });
});

describe("init", () => {
  it("refuses a home that exists, and leaves it as it was; --force replaces it", async () => {
    const cwd = await mkdtemp(join(folder, "init-"));
    assert.equal((await run(["init"], { cwd })).code, 0);
    const before = (await run(["keys", "show", "controller", "--did"], { cwd })).out;
    assert.equal(codeIn(await run(["init", "--json"], { cwd })), "home_exists");
    assert.equal((await run(["keys", "show", "controller", "--did"], { cwd })).out, before);
    assert.equal((await run(["init", "--force"], { cwd })).code, 0);
    assert.notEqual((await run(["keys", "show", "controller", "--did"], { cwd })).out, before);
    assert.deepEqual(await readdir(cwd), [".triplane"]);
  });

  it("never replaces a folder that is no home, not even with --force; an empty one will do", async () => {
    const cwd = await mkdtemp(join(folder, "init-"));
    await mkdir(join(cwd, "precious"));
    await writeFile(join(cwd, "precious", "letter.txt"), "dear");
    assert.equal(codeIn(await run(["init", "--home", "precious", "--force", "--json"], { cwd })), "home_exists");
    assert.deepEqual(await readdir(join(cwd, "precious")), ["letter.txt"]);
    await mkdir(join(cwd, "empty"));
    assert.equal((await run(["init", "--home", "empty"], { cwd })).code, 0);
  });

  it("leaves nothing behind for a workspace that there is no folder for", async () => {
    const cwd = await mkdtemp(join(folder, "init-"));
    assert.equal(codeIn(await run(["init", "--workspace", "nowhere", "--json"], { cwd })), "config_invalid");
    assert.deepEqual(await readdir(cwd), []);
  });

  it("makes a home of which nobody else can read anything, whose policy holds its cases and whose empty ledger verifies", async () => {
    const cwd = await mkdtemp(join(folder, "init-"));
    await run(["init"], { cwd });
    assert.equal((await stat(join(cwd, ".triplane"))).mode & 0o777, 0o700);
    const tested = JSON.parse((await run(["policy", "test", "--json"], { cwd })).out) as { cases: unknown[]; passed: number };
    assert.ok(tested.cases.length > 0);
    assert.equal(tested.passed, tested.cases.length);
    assert.equal((await run(["policy", "test", WORKSPACE_FOLDER], { cwd })).code, 0);
    assert.equal((await run(["policy", "check", join(WORKSPACE_FOLDER, "keeper_policy.ncl")], { cwd })).code, 0);
    assert.equal((await run(["ledger", "verify", "--full"], { cwd })).code, 0);
    assert.equal((await run(["ledger", "log"], { cwd })).out, "The ledger is empty.\n");
    assert.equal((await run(["status"], { cwd })).code, 1);
    assert.equal((await run(["op", "list"], { cwd })).out, "ana's outbox is empty.\n");
    assert.equal(codeIn(await run(["op", "wait", "--json"], { cwd })), "op_unknown");
    assert.equal(codeIn(await run(["keeper", "list", "--json"], { cwd })), "bus_unreachable");
    assert.equal(codeIn(await run(["op", "plan", "component.deploy", "web", "--json"], { cwd })), "unavailable");
  });
});

describe("policy check", () => {
  it("names file, line, column and the invariant for a function (`policy-files-are-declarative-only`)", async () => {
    await writeFile(join(folder, "odd.ncl"), "{\n  version = 1,\n  limits = fun x => x,\n}\n");
    const ran = await run(["policy", "check", "odd.ncl"]);
    assert.equal(ran.code, 1);
    assert.match(ran.err, /error: function .*policy-files-are-declarative-only/);
    assert.match(ran.err, / --> odd\.ncl:3:12\n {2}\|\n3 \| {3}limits = fun x => x,\n {2}\| {12}\^\^\^\n/);
    const { error } = JSON.parse((await run(["policy", "check", "odd.ncl", "--json"])).err) as {
      error: { code: string; details: Record<string, unknown> };
    };
    assert.equal(error.code, "nickel_not_declarative");
    assert.equal(error.details["line"], 3);
    assert.equal(error.details["column"], 12);
  });

  it("lists every problem of the shape with its place", async () => {
    await mkdir(join(folder, "shape"));
    await writeFile(join(folder, "shape", "p.ncl"), '{\n  version = 2,\n  workspace = "X",\n}\n');
    const ran = await run(["policy", "check", "shape/p.ncl"]);
    assert.equal(ran.code, 1);
    assert.match(ran.err, /error: version: .*\n --> shape\/p\.ncl:2:13\n/);
    assert.match(ran.err, /error: workspace: .*\n --> shape\/p\.ncl:3:15\n/);
    assert.match(ran.err, /code: policy_invalid/);
  });

  it("says usage for a file that is not there", async () => {
    assert.equal((await run(["policy", "check", "nowhere.ncl"])).code, 2);
  });
});

describe("op submit", () => {
  it("takes either a kind and a target or a signed op", async () => {
    const cwd = await mkdtemp(join(folder, "submit-"));
    assert.equal((await run(["init"], { cwd })).code, 0);
    assert.equal((await run(["op", "submit"], { cwd })).code, 2);
    assert.equal((await run(["op", "submit", "component.deploy", "web", "--signed", "x"], { cwd })).code, 2);
    assert.equal((await run(["op", "submit", "component.deploy", "web", "--arg", "nonsense"], { cwd })).code, 2);
    assert.equal(codeIn(await run(["op", "list", "--as", "nobody", "--json"], { cwd })), "key_unknown");
  });
});
