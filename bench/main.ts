// The benchmark: `npm run bench [-- --only ROW,… --quick --soak-minutes N --cache DIR --json --write]`.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine, machineLines } from "./harness/machine.ts";
import { asText } from "./harness/report.ts";
import { writeResults } from "./harness/results.ts";
import { runRows } from "./harness/run.ts";
import { ROWS } from "./rows/index.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    tiny: { type: "boolean", default: false },
    "soak-minutes": { type: "string", default: "0" },
    cache: { type: "string", default: join(tmpdir(), "triplane-bench-cache") },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (values.help || values.list) {
  say("usage: npm run bench [-- --only ROW,… --quick --soak-minutes N --cache DIR --json --write]\n");
  for (const row of ROWS) process.stdout.write(`${row.id.padEnd(22)} ${row.summary}\n`);
  process.exit(0);
}

const wanted = values.only?.split(",") ?? ROWS.map((row) => row.id);
const unknown = wanted.filter((id) => !ROWS.some((row) => row.id === id));
if (unknown.length > 0) {
  say(`there is no row ${unknown.join(", ")}; the rows are ${ROWS.map((row) => row.id).join(", ")}`);
  process.exit(2);
}

const stopping = new AbortController();
process.once("SIGINT", () => stopping.abort()).once("SIGTERM", () => stopping.abort());
const size = values.tiny ? "tiny" : values.quick ? "quick" : "full";
const machine = await describeMachine(tmpdir());
for (const line of machineLines(machine)) say(line);
if (machine.load > 0.5) say(`something else runs here (load ${machine.load}): ratios of one row still hold, absolute figures less`);
const outcomes = await runRows(
  ROWS.filter((row) => wanted.includes(row.id)),
  { size, cacheDir: values.cache, soakMinutes: Number(values["soak-minutes"]), signal: stopping.signal, say },
);
process.stdout.write(values.json ? `${JSON.stringify({ size, machine, outcomes }, undefined, 2)}\n` : `${asText(outcomes)}\n`);
if (values.write) {
  const date = new Date().toISOString().slice(0, 10);
  const kept = outcomes.map((outcome) => ({ date, size, machine, outcome }) as const);
  await writeResults(
    import.meta.dirname,
    kept,
    ROWS.map((row) => row.id),
  );
}
// What a failed row left running must not keep the process.
process.exit(outcomes.every((outcome) => outcome.failure === undefined) && !stopping.signal.aborted ? 0 : 1);
