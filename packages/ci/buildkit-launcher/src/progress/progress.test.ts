// What BuildKit 0.32.2 said of real builds, line by line, becomes events, sums and a log.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { cleanLine } from "./clean-text.ts";
import type { BuildEvent } from "./events.ts";
import { coveredSeconds } from "./intervals.ts";
import { plainLine } from "./plain.ts";
import { StepBook } from "./step-book.ts";
import { frame, lastingLines, redraw } from "./terminal.ts";

async function play(name: string, redact?: (text: string) => string) {
  const text = await readFile(join(import.meta.dirname, "testdata", `${name}.jsonl`), "utf8");
  const book = new StepBook(redact);
  const events = [...text.split("\n").flatMap((line) => book.take(line)), ...book.finish()];
  return { book, events, sums: book.sums(), log: events.map(plainLine).filter((line) => line !== undefined) };
}

const steps = (events: readonly BuildEvent[], state: string): readonly string[] =>
  events.flatMap((event) => (event.event === "step" && event.state === state ? [event.name] : []));

test("StepBook: a first build: steps of the Dockerfile are counted, output has its lines, a missing cache is cold", async () => {
  const { events, sums, log } = await play("first", (text) => text.replaceAll("sekret", "***"));
  assert.deepEqual([sums.steps, sums.cachedSteps, sums.errorText], [3, 0, ""]);
  assert.ok(sums.pushSeconds > 0 && sums.cacheSeconds > 0);
  assert.deepEqual(
    events.flatMap((event) => (event.event === "output" ? [`${event.stream} ${event.line}`] : [])),
    ["stdout hello", "stderr err", "stdout ***"],
  );
  assert.deepEqual(
    events.filter(({ event }) => event === "cache"),
    [{ event: "cache", found: false }],
  );
  assert.deepEqual(steps(events, "failed"), []);
  assert.ok(!JSON.stringify(events).includes("sekret"));
  assert.match(log.join("\n"), /^ {2}#\d+ \[base 1\/2\] COPY busybox \/bin\/busybox$/m);
  assert.match(log.join("\n"), /^ {2}#\d+ \| hello$/m);
  assert.ok(!log.join("\n").includes("[internal]"));
});

test("StepBook: a second build is all cached, and the cache was found", async () => {
  const { events, sums } = await play("second");
  assert.deepEqual([sums.steps, sums.cachedSteps], [3, 3]);
  assert.equal(steps(events, "cached").length, 3);
  assert.ok(events.some((event) => event.event === "cache" && event.found));
});

test("StepBook: a failed step has its error, and what buildctl shows of the Dockerfile", async () => {
  const { events, sums, log } = await play("bad");
  assert.match(sums.errorText, /did not complete successfully: exit code: 3/);
  assert.match(sums.errorText, /bad\.Dockerfile:3/);
  assert.deepEqual(steps(events, "failed"), ['[2/2] RUN ["/bin/busybox", "sh", "-c", "echo no; exit 3"]']);
  assert.match(log.join("\n"), /FAILED after \d+\.\d s: process/);
});

test("StepBook: a registry that is down is an error of the push, and what it stopped is none", async () => {
  const { events, sums } = await play("registry-down");
  assert.match(sums.errorText, /failed to push .*connection refused/);
  assert.doesNotMatch(sums.errorText, /context canceled|importer/);
  assert.deepEqual(steps(events, "failed"), ["exporting to image"]);
});

test("StepBook: a disk that is full shows in the output of the step alone", () => {
  const book = new StepBook();
  const at = "2026-01-01T00:00:00Z";
  const vertex = { digest: "a", name: "[1/1] RUN cc", started: at };
  book.take(JSON.stringify({ vertexes: [vertex] }));
  book.take(JSON.stringify({ logs: [{ vertex: "a", stream: 2, data: Buffer.from("cc: No space left on device\n").toString("base64") }] }));
  book.take(JSON.stringify({ vertexes: [{ ...vertex, completed: at, error: "exit code: 1" }] }));
  assert.match(book.sums().errorText, /No space left on device/);
});

test("StepBook: a character that two chunks share arrives whole, and what has no end of line arrives at the end", () => {
  const book = new StepBook();
  book.take(JSON.stringify({ vertexes: [{ digest: "a", name: "x", started: "2026-01-01T00:00:00Z" }] }));
  const bytes = Buffer.from("é\nü");
  const chunk = (data: Buffer): string => JSON.stringify({ logs: [{ vertex: "a", stream: 1, data: data.toString("base64") }] });
  assert.deepEqual(book.take(chunk(bytes.subarray(0, 1))), []);
  assert.deepEqual(book.take(chunk(bytes.subarray(1))), [{ event: "output", step: 1, stream: "stdout", line: "é" }]);
  assert.deepEqual(book.finish(), [{ event: "output", step: 1, stream: "stdout", line: "ü" }]);
});

test("StepBook: whatever comes, nothing is thrown, and no control character leaves", () => {
  const json = fc.json().map((text) => (text.startsWith("{") ? text : `{"vertexes":${text}}`));
  const vertex = fc.record({
    digest: fc.constantFrom("a", "b"),
    name: fc.string(),
    started: fc.constant("2026-01-01T00:00:00Z"),
    error: fc.string(),
  });
  const line = fc.oneof(
    fc.string(),
    json,
    vertex.map((each) => JSON.stringify({ vertexes: [each] })),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const book = new StepBook();
      for (const event of [...lines.flatMap((each) => book.take(each)), ...book.finish()])
        assert.doesNotMatch(plainLine(event) ?? "", /(?!\t)\p{Cc}/u);
      book.sums();
    }),
  );
});

test("cleanLine: no sequence of a terminal gets through, and what was drawn over is left out", () => {
  assert.equal(cleanLine("\x1b[31mred\x1b[0m"), "red");
  assert.equal(cleanLine("\x1b]0;title\x07text\x1b[2J"), "text");
  assert.equal(cleanLine(" 10 %\r 20 %\r"), " 20 %");
  assert.equal(cleanLine("a\u202eb\u0000c\td"), "abc\td");
});

test("coveredSeconds: what overlaps counts once", () => {
  assert.equal(coveredSeconds([]), 0);
  assert.equal(
    coveredSeconds([
      { fromMs: 1000, toMs: 3000 },
      { fromMs: 0, toMs: 2000 },
      { fromMs: 5000, toMs: 6000 },
    ]),
    4,
  );
});

test("terminal: fits the screen, draws over itself, has colours only where they are wanted", () => {
  const screen = { columns: 20, rows: 4, colours: false };
  const running = [{ step: 1, name: "[1/2] RUN make everything", startedMs: 0, lines: ["a", "b", "c", "d"], parts: [] }];
  const lines = frame("building", running, 2500, screen);
  assert.deepEqual(lines, ["building", "  [1/2] RUN … 2.5 s"]);
  assert.equal(redraw(2, ["kept"], ["new"]), "\x1b[2A\x1b[0Jkept\nnew\n");
  const failed: BuildEvent = { event: "step", step: 1, name: "RUN x", state: "failed", seconds: 1, error: "no" };
  assert.deepEqual(lastingLines(failed, ["last words"], screen), ["     last words", "✘ RUN x: no"]);
  assert.ok(lastingLines(failed, [], { ...screen, colours: true })[0]?.startsWith("\x1b[31m"));
});
