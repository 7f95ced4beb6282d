// A reporter for node:test that writes one JSON line for each test, for the runner to read.
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** What the runner learns of one test. */
export interface TestLine {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Place of the test in its file. */
  readonly place: string;
  readonly ms: number;
  /** Why it failed, or was skipped. */
  readonly why?: string;
}

export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const error = event.type === "test:fail" ? event.data.details.error : undefined;
    const { data } = event;
    // A suite fails when a test in it does, which is counted already; but a suite may also fail by itself, in a hook.
    if (data.details.type === "suite" && (error === undefined || isFailureOfTests(error))) continue;
    const why = error === undefined ? data.skip : describe(error);
    const line: TestLine = {
      name: data.name,
      outcome: error !== undefined ? "failed" : data.skip === undefined && data.todo === undefined ? "passed" : "skipped",
      place: `${data.file === undefined ? "" : relative(process.cwd(), data.file)}:${data.line ?? 0}`,
      ms: data.details.duration_ms,
      ...(typeof why === "string" ? { why } : {}),
    };
    yield `${JSON.stringify(line)}\n`;
  }
}

function isFailureOfTests(error: Error): boolean {
  return "failureType" in error && error.failureType === "subtestsFailed";
}

// node:test wraps what was thrown; the cause is what the test's author knows.
function describe(error: Error): string {
  return inspect(error.cause ?? error, { depth: 4, colors: false }).slice(0, 8_000);
}
