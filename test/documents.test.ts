import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { KEEPER_PROGRAM, loadCommands, PROGRAM } from "@triplane/cli";
import { ROOT } from "./e2e/installation.ts";
import { blocksOf } from "./e2e/markdown-session.ts";

const PROGRAMS = new Map(
  await Promise.all(
    [PROGRAM, KEEPER_PROGRAM].map(
      async (program) => [program.name, { ...program, commands: await loadCommands(program.commands) }] as const,
    ),
  ),
);
const GLOBAL_OPTIONS = ["--help", "--version", "--json"];

interface Mention {
  readonly text: string;
  readonly where: string;
}

/** Command lines of our programs in fenced blocks, and in code spans that are whole command lines. */
function mentions(markdown: string, file: string): readonly Mention[] {
  const fenced = blocksOf(markdown)
    .filter((block) => ["sh", "console", "bash"].includes(block.language))
    .flatMap((block) => block.text.split("\n").map((text) => ({ text, where: `${file}:${block.line}` })));
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, "");
  const spans = [...prose.matchAll(/`((?:npx )?(?:triplane|keeper-cli) [^`]+)`/g)].map((match) => ({ text: match[1] ?? "", where: file }));
  return [...fenced, ...spans];
}

/** What is wrong with a command line, or undefined. */
function problemWith(line: string): string | undefined {
  const call = /(?:^|[$(\s&|;])(?:npx )?(triplane|keeper-cli) ([^#|;&)]*)/.exec(line);
  const program = PROGRAMS.get(call?.[1] ?? "");
  if (call === null || program === undefined) return undefined;
  const words = (call[2] ?? "").trim().split(/\s+/);
  const plain = words.filter((word) => /^[a-z][a-z-]*$/.test(word));
  if (plain[0] === undefined || ["help"].includes(plain[0])) return undefined;
  const named = (name: string) => program.commands.find((each) => each.name === name);
  // A command may have the name of a group: `build DIR` beside `build leases`.
  const command = named(plain.slice(0, 2).join(" ")) ?? named(plain[0]);
  // The name of a group alone, as in "the `triplane keeper …` commands", names no command.
  if (command === undefined)
    return Object.hasOwn(program.nouns, plain[0]) && plain.length === 1 ? undefined : `there is no command ${plain.slice(0, 2).join(" ")}`;
  const known = new Set([...GLOBAL_OPTIONS, ...command.options.map(({ flag }) => `--${flag}`)]);
  const unknown = words
    .filter((word) => word.startsWith("--"))
    .map((word) => word.split("=")[0] ?? "")
    .find((word) => !known.has(word));
  return unknown === undefined ? undefined : `${command.name} has no option ${unknown}`;
}

describe("documents", () => {
  it("every command line in them exists, with its options", async () => {
    const problems: string[] = [];
    let seen = 0;
    for await (const file of glob("{*.md,docs/**/*.md,provisioning/**/*.md,deploy/**/*.md}", { cwd: ROOT })) {
      if (file === "docs/reference/cli.md") continue;
      for (const { text, where } of mentions(await readFile(join(ROOT, file), "utf8"), file)) {
        if (!/\b(?:triplane|keeper-cli) /.test(text)) continue;
        seen += 1;
        const problem = problemWith(text);
        if (problem !== undefined) problems.push(`${where}: ${text.trim()}: ${problem}`);
      }
    }
    assert.ok(seen > 20, "no command lines were found");
    assert.deepEqual(problems, []);
  });

  it("no block of them waits without a bound: loops count their tries", async () => {
    const endless: string[] = [];
    for await (const file of glob("{*.md,docs/**/*.md,deploy/**/*.md}", { cwd: ROOT })) {
      for (const { language, text, line } of blocksOf(await readFile(join(ROOT, file), "utf8")))
        if (language === "sh" && /(?:^|[;{(&|]|\bdo\b)\s*(?:until|while)\s(?!(?:IFS=\S*\s)?read\b)/m.test(text))
          endless.push(`${file}:${line}`);
    }
    assert.deepEqual(endless, []);
  });
});
