import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { request } from "node:http";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { listed } from "../framework/listing.ts";
import { text } from "../framework/parameters.ts";
import type { Program } from "../framework/shell.ts";
import { openCommands } from "./commands.ts";

const begun = Promise.withResolvers<void>();
const toldToStop = Promise.withResolvers<void>();

const greet = defineCommand({
  args: z.strictObject({ name: text("NAME", "Whom") }),
  options: z.strictObject({}),
  examples: [{ command: "program greet ana", what: "a greeting" }],
  run: async ({ args: { name } }, { cwd, env, progress }) => {
    if (name === "nobody") throw new TriplaneError("key_unknown", "nobody is there");
    progress("looking");
    return { name, cwd, who: env["TRIPLANE_AS"] };
  },
  render: ({ name }) => name,
});

const wait = defineCommand({
  args: z.strictObject({}),
  options: z.strictObject({}),
  examples: [{ command: "program wait", what: "until it is told to stop" }],
  run: async (_, { signal }) => {
    signal.addEventListener("abort", () => toldToStop.resolve(), { once: true });
    begun.resolve();
    await toldToStop.promise;
    return {};
  },
  render: () => "",
});

const PROGRAM: Program = {
  ...{ name: "program", version: "1", description: "A program.", nouns: {} },
  commands: [listed("greet", "Greet", async () => greet), listed("wait", "Wait", async () => wait)],
};

const CONTEXT: CommandContext = {
  ...{ env: { TRIPLANE_AS: "ana" }, cwd: "/", clock: systemClock, random: systemRandom, signal: new AbortController().signal },
  ...{ terminal: false, json: false, progress: () => undefined, emit: () => undefined },
  ...{ readInput: () => Promise.resolve(""), askSecret: () => Promise.resolve(undefined) },
};

interface Asked {
  readonly status: number;
  readonly body: { readonly code: number; readonly out: string; readonly err: string };
}

function ask(socketPath: string, body: unknown, signal?: AbortSignal): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method: "POST", path: "/", ...(signal === undefined ? {} : { signal }) }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString("utf8")) });
    });
    asking.once("error", reject);
    asking.end(JSON.stringify(body));
  });
}

describe("openCommands", () => {
  it("gives what the program would print, with its exit code, in the folder of whoever asks", async () => {
    await using commands = await openCommands(PROGRAM, CONTEXT);
    const { TRIPLANE_COMMANDS: path } = commands.environment;
    const { body: done } = await ask(path, { words: ["greet", "ben", "--json"], cwd: "/tmp" });
    assert.deepEqual([done.code, JSON.parse(done.out), done.err], [0, { name: "ben", cwd: "/tmp", who: "ana" }, "looking\n"]);
    const { body: failed } = await ask(path, { words: ["greet", "nobody", "--json"], cwd: "/" });
    assert.deepEqual([failed.code, failed.out, JSON.parse(failed.err).error.code], [1, "", "key_unknown"]);
    const { body: wrong } = await ask(path, { words: ["greets"], cwd: "/" });
    assert.equal(wrong.code, 2);
  });

  it("refuses what is no command line", async () => {
    await using commands = await openCommands(PROGRAM, CONTEXT);
    for (const body of [{}, { words: [], cwd: "/" }, { words: ["greet"], cwd: "here" }, { words: ["greet"], cwd: "/", more: 1 }])
      assert.equal((await ask(commands.environment.TRIPLANE_COMMANDS, body)).status, 400);
  });

  it("is for its owner alone, and gone with the run", async () => {
    const commands = await openCommands(PROGRAM, CONTEXT);
    const folder = dirname(commands.environment.TRIPLANE_COMMANDS);
    assert.equal((await stat(folder)).mode & 0o077, 0);
    await commands[Symbol.asyncDispose]();
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  it("leaves it to the program where a socket's path would be too long", async () => {
    await using folder = await tempDir("d".repeat(100));
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder.path;
    try {
      await using commands = await openCommands(PROGRAM, CONTEXT);
      assert.equal(commands.environment.TRIPLANE_COMMANDS, "");
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
    assert.deepEqual(await readdir(folder.path), []);
  });

  it("tells a command to stop when whoever asked has gone", async () => {
    await using commands = await openCommands(PROGRAM, CONTEXT);
    const step = new AbortController();
    const asked = ask(commands.environment.TRIPLANE_COMMANDS, { words: ["wait"], cwd: "/" }, step.signal);
    await begun.promise;
    step.abort();
    await assert.rejects(asked);
    await toldToStop.promise;
  });
});
