// Follows the steps of a document, and holds what they print against what they promise.
import assert from "node:assert/strict";
import { glob, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { firstBrokenPromise } from "./alike.ts";
import { runSteps, type SessionOptions, type SessionResult, type Step } from "./markdown-session.ts";

const FILES = 6;
const LINES = 20;

/** What each step printed. Throws what went wrong in which step, at which command, and what was to be read at that moment. */
export async function followSteps(steps: readonly Step[], options: SessionOptions): Promise<readonly string[]> {
  const session = await runSteps(steps, options);
  const { outputs } = session;
  if (session.exitCode !== 0 || session.wasCutOff) assert.fail(await brokenOff(steps, session, options));
  for (const [index, { promised }] of steps.entries()) {
    if (promised === undefined) continue;
    const output = outputs[index] ?? "";
    const broken = firstBrokenPromise(promised.text, output);
    if (broken === undefined) continue;
    const files = await endsOfFiles(options.cwd);
    assert.fail(`line ${promised.line} promises ${JSON.stringify(broken)}, but this was printed:\n${output}${files}`);
  }
  return outputs;
}

async function brokenOff(steps: readonly Step[], session: SessionResult, { cwd, timeoutMs }: SessionOptions): Promise<string> {
  const { outputs, exitCode, wasCutOff, lastCommands } = session;
  const reached = steps[Math.min(outputs.length, steps.length) - 1];
  const how = wasCutOff ? `was cut off after ${timeoutMs / 1000} s` : `failed with ${exitCode ?? "a signal"}`;
  const printed = outputs.at(-1)?.trimEnd();
  return [
    `the block in line ${reached?.block.line} ${how}; its last commands:`,
    ...lastCommands,
    `${printed === "" ? "nothing was printed" : `printed:\n${printed}`}${await endsOfFiles(cwd)}`,
  ].join("\n");
}

/** Of the logs and texts that the steps wrote last: there is what they did not print. */
async function endsOfFiles(cwd: string): Promise<string> {
  const found: { readonly path: string; readonly mtimeMs: number }[] = [];
  for await (const path of glob("{*,[!.]*/*}.{log,txt}", { cwd })) {
    // What is removed meanwhile does not hide the failure that is told.
    const mtimeMs = (await stat(join(cwd, path)).catch(() => undefined))?.mtimeMs;
    if (mtimeMs !== undefined) found.push({ path, mtimeMs });
  }
  const last = found.toSorted((a, b) => a.mtimeMs - b.mtimeMs).slice(-FILES);
  const ends = last.map(async ({ path }) => {
    const text = (await readFile(join(cwd, path), "utf8").catch(() => "")).trimEnd();
    return text === "" ? "" : `\n==> ${path}\n${text.split("\n").slice(-LINES).join("\n")}`;
  });
  return (await Promise.all(ends)).join("");
}
