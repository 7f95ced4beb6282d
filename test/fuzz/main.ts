// npm run fuzz: feeds every door with broken input for a while, and says what came of it.
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type DoorReport, runDoor } from "./campaign.ts";
import { DOORS } from "./doors/index.ts";

const USAGE = `npm run fuzz -- [--minutes N] [--seed S] [--door NAME]… [--input FILE] [--json]

Feeds every parser that bytes of strangers reach with broken input. A door may accept or refuse, with a code;
it may not crash, hang, fill the memory, or refuse without a code.

  --minutes N   in all, shared by the doors (default 2)
  --seed S      an integer: draws the same inputs again as long as the doors answer the same (default: random, printed)
  --door NAME   only this one, may be repeated: ${Object.keys(DOORS).join(", ")}
  --input FILE  one input again, with one --door
  --json        one JSON object a door

Exit code 0: nothing found; 1: a finding, with its input in a file; 2: wrong usage.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "2" },
      seed: { type: "string", default: String(randomInt(2 ** 31)) },
      door: { type: "string", multiple: true, default: [] },
      input: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const seed = Number(values.seed);
  const minutes = Number(values.minutes);
  const doors = values.door.length === 0 ? Object.keys(DOORS) : values.door;
  const unknown = doors.filter((name) => !Object.hasOwn(DOORS, name));
  if (
    values.help ||
    !Number.isInteger(seed) ||
    !(minutes > 0) ||
    unknown.length > 0 ||
    (values.input !== undefined && doors.length !== 1)
  ) {
    process.stderr.write(unknown.length > 0 ? `there is no door ${unknown.join(", ")}\n\n${USAGE}` : USAGE);
    return values.help ? 0 : 2;
  }
  process.stderr.write(`seed ${seed}\n`);
  let findings = 0;
  for (const door of doors) {
    const ms = (minutes * 60_000) / doors.length;
    const report = await runDoor({ door, seed, ms, ...(values.input === undefined ? {} : { only: values.input }) });
    if (report.finding !== undefined) findings += 1;
    process.stdout.write(values.json ? `${JSON.stringify(plain(report))}\n` : await line(report, seed));
  }
  return findings === 0 ? 0 : 1;
}

async function line(report: DoorReport, seed: number): Promise<string> {
  const { door, inputs, outcomes, finding } = report;
  const { accepted = 0, ...refused } = outcomes;
  const codes = Object.entries(refused).sort(([, a], [, b]) => b - a);
  const told = codes.slice(0, 4).map(([code, count]) => `${count} ${code}`);
  if (codes.length > 4) told.push(`${codes.length - 4} more codes`);
  const text = `${finding === undefined ? "✔" : "✘"} ${door.padEnd(17)} ${String(inputs).padStart(8)} inputs: ${accepted} accepted, ${told.join(", ") || "none refused"}\n`;
  if (finding === undefined) return text;
  const file = `fuzz-${door}-${seed}.bin`;
  await writeFile(file, finding.input);
  return `${text}  ${finding.kind}: ${finding.error.slice(0, 2000)}\n  again: npm run fuzz -- --door ${door} --input ${file}\n`;
}

function plain({ finding, ...rest }: DoorReport): object {
  if (finding === undefined) return rest;
  return { ...rest, finding: { ...finding, input: Buffer.from(finding.input).toString("base64") } };
}

process.exitCode = await main();
