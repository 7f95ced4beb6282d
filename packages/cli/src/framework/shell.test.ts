import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "./command.ts";
import { completionScript, SHELLS } from "./completion.ts";
import { listed, loadCommands } from "./listing.ts";
import { duration, flag, integer, list, oneOf, text } from "./parameters.ts";
import { referencePage } from "./reference.ts";
import { type Program, runShell } from "./shell.ts";

const greet = defineCommand({
  args: z.strictObject({ name: text("NAME", "Whom to greet"), more: list("WORD", "More words") }),
  options: z.strictObject({
    loud: flag("In capitals"),
    times: integer("N", "How often", { min: 1, max: 3 }).optional(),
    wait: duration("How long to wait").optional(),
    tone: oneOf(["warm", "cold"], "TONE", "How").default("warm"),
    arg: list("KEY=VALUE", "Something repeated"),
  }),
  examples: [{ command: "program people greet ana", what: "a greeting" }],
  run: async ({ args, options }) => {
    if (args.name === "nobody") throw new TriplaneError("key_unknown", "nobody is there");
    return { ...args, ...options };
  },
  render: (data) => `hello ${data.name}`,
  failed: (data) => data.tone === "cold",
});

const loaded: string[] = [];
const PROGRAM: Program = {
  name: "program",
  version: "1.2.3",
  description: "A program.",
  commands: [
    listed("people greet", "Greet somebody", async () => {
      loaded.push("people greet");
      return greet;
    }),
    listed("stop", "Stop", () => assert.fail("was never asked for")),
  ],
  nouns: { people: "people" },
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...argv: readonly string[]): Promise<Ran> {
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
    env: {},
    cwd: "/",
    clock: systemClock,
    random: systemRandom,
    signal: new AbortController().signal,
    terminal: false,
    json,
    progress: (line) => streams.err(`${line}\n`),
    emit: () => undefined,
    readInput: async () => "",
    askSecret: async () => undefined,
  });
  const code = await runShell(PROGRAM, argv, streams, contextFor);
  return { code, out, err };
}

describe("runShell", () => {
  it("prints text to standard output and exits 0", async () => {
    assert.deepEqual(await run("people", "greet", "ana"), { code: 0, out: "hello ana\n", err: "" });
  });

  it("prints the data as JSON with --json", async () => {
    const { out } = await run(
      "people",
      "greet",
      "ana",
      "dear",
      "friend",
      "--json",
      "--loud",
      "--times",
      "2",
      "--wait",
      "10m",
      "--arg",
      "a=1",
      "--arg",
      "b=2",
    );
    const expected = { name: "ana", more: ["dear", "friend"], loud: true, times: 2, wait: 600, tone: "warm", arg: ["a=1", "b=2"] };
    assert.deepEqual(JSON.parse(out), expected);
  });

  it("exits 1 with the data still printed when the data means refused", async () => {
    assert.deepEqual(await run("people", "greet", "ana", "--tone", "cold"), { code: 1, out: "hello ana\n", err: "" });
  });

  it("prints message, code and hint of a failure on standard error and exits 1", async () => {
    const { code, out, err } = await run("people", "greet", "nobody");
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, /error: nobody is there\n {2}code: key_unknown\n {2}hint: `triplane keys show`/);
    const asJson = JSON.parse((await run("people", "greet", "nobody", "--json")).err) as { error: { code: string } };
    assert.equal(asJson.error.code, "key_unknown");
  });

  for (const [what, argv] of [
    ["an unknown command", ["people", "insult"]],
    ["an unknown group", ["animals", "greet"]],
    ["a missing argument", ["people", "greet"]],
    ["an unknown option", ["people", "greet", "ana", "--colour"]],
    ["an option without its value", ["people", "greet", "ana", "--times"]],
    ["a value out of range", ["people", "greet", "ana", "--times", "9"]],
    ["a word that is no choice", ["people", "greet", "ana", "--tone", "blue"]],
    ["a time that is none", ["people", "greet", "ana", "--wait", "soon"]],
  ] as const) {
    it(`answers ${what} with code usage and exit code 2`, async () => {
      const { code, out, err } = await run(...argv);
      assert.equal(code, 2);
      assert.equal(out, "");
      assert.match(err, /code: usage/);
    });
  }

  it("shows the help of nothing at all on standard error with exit code 2", async () => {
    const { code, out, err } = await run();
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /Usage: program/);
  });

  it("loads the command that is asked for, and for the list of commands none", async () => {
    loaded.length = 0;
    for (const argv of [["--help"], ["people"], ["people", "--help"], ["help"], ["--version"]]) await run(...argv);
    assert.deepEqual(loaded, []);
    for (const argv of [
      ["people", "--help", "greet"],
      ["people", "greet", "ana"],
    ])
      await run(...argv);
    assert.deepEqual(loaded, ["people greet", "people greet"]);
  });

  it("--help is complete: arguments, options, examples, exit codes", async () => {
    const { code, out } = await run("people", "greet", "--help");
    assert.equal(code, 0);
    for (const part of [
      "Greet somebody.",
      "NAME",
      "--loud",
      "--times <N>",
      "(default: warm)",
      "$ program people greet ana",
      "Exit codes: 0 done",
    ])
      assert.ok(out.includes(part), `${part} is missing in:\n${out}`);
  });
});

describe("completionScript", () => {
  for (const shell of SHELLS) {
    it(`names every command and option for ${shell}`, async () => {
      const script = completionScript(shell, "program", await loadCommands(PROGRAM.commands.slice(0, 1)), PROGRAM.nouns);
      for (const word of ["people", "greet", "loud", "json"]) assert.ok(script.includes(word), `${word} is missing`);
    });
  }
});

describe("referencePage", () => {
  it("has every command with its arguments, options and examples", async () => {
    const page = (await referencePage({ ...PROGRAM, commands: PROGRAM.commands.slice(0, 1) })).join("\n");
    for (const part of [
      "### program people greet",
      "program people greet [options] <NAME> [WORD...]",
      "| `--times N` |",
      "One of `warm`, `cold`.",
      "$ program people greet ana",
    ])
      assert.ok(page.includes(part), `${part} is missing in:\n${page}`);
  });
});
