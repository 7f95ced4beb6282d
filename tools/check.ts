// The one check: format and lint, types, dead code, house rules, generated docs, tests. `npm run check -- [--no-tests]`
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { RULES } from "./tidy/index.ts";
import { openRepository, problemLine } from "./tidy/repository.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

interface Step {
  readonly name: string;
  /** Whether it passed. What it prints goes to the terminal. */
  run(): Promise<boolean>;
}

const STATIC_STEPS: readonly Step[] = [
  { name: "format and lint", run: () => runNode("node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", ".") },
  { name: "types", run: () => runNode("node_modules/typescript/bin/tsc", "--project", ".") },
  { name: "dead code", run: () => runNode("node_modules/knip/bin/knip.js", "--no-progress", "--no-config-hints") },
  { name: "house rules", run: followsRules },
  { name: "generated docs", run: () => runNode("tools/generate-docs.ts", "--check") },
];

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { "no-tests": { type: "boolean" } } });
  const failed: string[] = [];
  for (const step of STATIC_STEPS) {
    const startedAt = performance.now();
    const passed = await step.run();
    process.stdout.write(`${passed ? "✔" : "✘"} ${step.name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)\n`);
    if (!passed) failed.push(step.name);
  }
  // Last, so that the line with the numbers of tests is the last one.
  if (values["no-tests"] !== true && !(await runNode("tools/test.ts"))) failed.push("tests");
  if (failed.length > 0) process.stderr.write(`check failed: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

async function followsRules(): Promise<boolean> {
  const repository = await openRepository(ROOT);
  let passed = true;
  for (const [name, rule] of Object.entries(RULES)) {
    const problems = rule(repository);
    if (problems.length === 0) continue;
    passed = false;
    process.stdout.write(`${name}:\n${problems.map((problem) => `  ${problemLine(problem)}\n`).join("")}`);
  }
  return passed;
}

function runNode(...nodeArguments: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, nodeArguments, { cwd: ROOT, stdio: "inherit" });
    child.once("error", () => resolve(false));
    child.once("exit", (exitCode) => resolve(exitCode === 0));
  });
}

process.exitCode = await main(process.argv.slice(2));
