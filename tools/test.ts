// The test command: `npm test -- [PATH…] [--name PATTERN] [--deadline SECONDS]`. Says loudly what it cannot test, ends with `N passed, N failed, N skipped`.
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { doctor, toolNamed } from "@triplane/kit";
import { filesAtOnce, filesOf, GROUPS, type TestGroup } from "./test/groups.ts";
import { failureLines, fileLine, missingBox, skippedLines, summaryLine, totalsOf } from "./test/report.ts";
import { type FileResult, killRunning, runFile } from "./test/run-file.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { name: { type: "string" }, deadline: { type: "string" } },
  });
  const deadlineMs = values.deadline === undefined ? undefined : Number(values.deadline) * 1000;
  const missing = (await doctor()).filter(({ inRange }) => !inRange);
  print(missingBox(missing));
  const demanded = missing.filter(({ name }) => toolNamed(name).onlyByName !== true);
  if (demanded.length > 0 && process.env["TRIPLANE_REQUIRE_ALL"] === "1") {
    print(["TRIPLANE_REQUIRE_ALL=1: a missing tool is a failure."]);
    print([summaryLine({ passed: 0, failed: demanded.length, skipped: 0 })]);
    return 1;
  }
  const queue: Queued[] = [];
  for (const group of GROUPS) {
    const files = await filesOf(group, ROOT, positionals);
    const title = `${group.name}: ${files.length} files`;
    queue.push(...files.map((file, at) => ({ file, title: at === 0 ? title : undefined, deadlineMs: deadlineMs ?? group.deadlineMs })));
  }
  const results = await runAll(queue, values.name);
  const totals = totalsOf(results);
  const failed = results.filter((result) => totalsOf([result]).failed > 0);
  if (failed.length > 0) print(["", "failed:", ...failed.map(({ file }) => `  ${file}`)]);
  if (totals.skipped > 0) print(["", "skipped:", ...skippedLines(results)]);
  print(["", ...missingBox(missing)]);
  if (totals.passed + totals.failed === 0) print(["no test ran"]);
  print([summaryLine(totals)]);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

interface Queued extends Pick<TestGroup, "deadlineMs"> {
  readonly file: string;
  /** Of the group whose first file this is. */
  readonly title: string | undefined;
}

/** A group's last files run beside the first ones of the next: nobody waits for the slowest. */
async function runAll(queue: readonly Queued[], namePattern: string | undefined): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const waiting = [...queue];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { file, title, deadlineMs } = next;
      if (title !== undefined) print(["", title]);
      const result = await runFile(file, { root: ROOT, deadlineMs, namePattern });
      results.push(result);
      print([fileLine(result), ...failureLines(result)]);
    }
  };
  await Promise.all(Array.from({ length: filesAtOnce(availableParallelism()) }, worker));
  return results;
}

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killRunning();
    process.exit(130);
  });
}
process.exitCode = await main(process.argv.slice(2));
