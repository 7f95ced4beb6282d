// What stays on a terminal once the build is over.
import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "@triplane/testkit";
import { StepBook } from "../progress/step-book.ts";
import { jsonLog } from "./json-log.ts";
import { liveLog } from "./live-log.ts";
import { plainLog } from "./plain-log.ts";

const AT = "2026-01-01T00:00:00Z";
const line = (vertex: object): string => JSON.stringify({ vertexes: [{ digest: "a", name: "[1/1] RUN make", started: AT, ...vertex }] });
const output = JSON.stringify({ logs: [{ vertex: "a", stream: 1, data: Buffer.from("compiling\n").toString("base64") }] });

function written(make: (write: (text: string) => void) => ReturnType<typeof plainLog>, end: object): string {
  let text = "";
  const log = make((more) => {
    text += more;
  });
  const book = new StepBook();
  log.note("building acme/shop");
  for (const each of [line({}), output, line({ completed: AT, ...end })]) log.events(book.take(each), book);
  log.close();
  return text;
}

const live = (write: (text: string) => void) =>
  liveLog({ write, clock: manualClock(), screen: () => ({ columns: 80, rows: 24, colours: false }) });

test("liveLog: a step that is done is one line, without what it printed; one that failed shows its last words", () => {
  assert.equal(written(live, {}), "✔ [1/1] RUN make 0.0 s\nbuilding acme/shop\n");
  assert.match(written(live, { error: "exit code: 1" }), /^ {5}compiling\n✘ \[1\/1\] RUN make: exit code: 1$/m);
});

test("plainLog: every line in order", () => {
  assert.equal(written(plainLog, {}), "building acme/shop\n  #1 [1/1] RUN make\n  #1 | compiling\n  #1 done in 0.0 s\n");
});

test("jsonLog: one object a line", () => {
  const events = written(jsonLog, {})
    .trim()
    .split("\n")
    .map((each) => JSON.parse(each).event);
  assert.deepEqual(events, ["note", "step", "output", "step"]);
});
