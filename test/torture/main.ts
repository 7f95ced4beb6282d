// `npm run torture -- [--minutes N] [--seed S] [--rate R] [--only FAULT,…] [--keep DIR] [--json] [--list]`
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { FAULTS } from "./faults/index.ts";
import { asJson, asText, survived } from "./report.ts";
import { torture } from "./torture.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string", default: String(randomInt(1_000_000_000)) },
    rate: { type: "string", default: "3" },
    only: { type: "string" },
    keep: { type: "string" },
    json: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

async function main(): Promise<number> {
  if (values.list) {
    const width = Math.max(...FAULTS.map(({ name }) => name.length));
    for (const { name, about, needs } of FAULTS) {
      const reason = await needs();
      process.stdout.write(`${name.padEnd(width)}  ${about}${reason === undefined ? "" : ` (NOT HERE: ${reason})`}\n`);
    }
    return 0;
  }
  const minutes = Number(values.minutes);
  const perSecond = Number(values.rate);
  if (!(minutes > 0) || !(perSecond > 0)) throw new Error("--minutes and --rate are positive numbers");
  const only = values.only?.split(",");
  const line = (text: string): void => void process.stderr.write(`${text}\n`);
  line(`torture: seed ${values.seed}, ${minutes} min, ${perSecond} ops/s`);
  const options = { seed: values.seed, durationMs: minutes * 60_000, perSecond, ...(only === undefined ? {} : { only }) };
  const { result, kept } = await torture(options, { line }, values.keep);
  process.stdout.write(values.json ? `${JSON.stringify(asJson(result), undefined, 2)}\n` : `${asText(result)}\n`);
  if (survived(result)) return 0;
  line(`the state is kept in ${kept}`);
  const again = [
    `--minutes ${values.minutes}`,
    `--seed ${values.seed}`,
    `--rate ${values.rate}`,
    ...(only === undefined ? [] : [`--only ${values.only}`]),
  ];
  line(`to run it again: npm run torture -- ${again.join(" ")}`);
  return 1;
}

// Not by running out of work: node was seen to spin for ever while it took down what the campaign's children had left.
process.exit(await main());
