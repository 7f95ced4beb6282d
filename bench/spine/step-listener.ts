// Loaded before a daemon with --import: takes down when each named step of an op's way was reached. Only the benchmark has it.

import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { FAILPOINT_CHANNEL } from "@triplane/contract";

const folder = process.env["BENCH_STEPS"] ?? "";
const path = join(folder, `${process.env["BENCH_DAEMON"] ?? process.pid}.steps`);
let lines = "";

subscribe(FAILPOINT_CHANNEL, (name) => {
  // All processes share the machine's clock; timeOrigin + now has fractions of a millisecond.
  lines += `${String(name)} ${performance.timeOrigin + performance.now()}\n`;
});

function write(): void {
  if (lines === "") return;
  appendFileSync(path, lines);
  lines = "";
}

setInterval(write, 100).unref();
process.on("exit", write);
