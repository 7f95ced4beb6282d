// `npm run demo:build`: builds on machines of their own, from an empty folder to an empty folder. Every claim is observed; exit code 0 only if all of them held and nothing is left.
import { parseArgs } from "node:util";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { PLANE_PROVIDERS } from "../../test/build/plane/build-plane.ts";
import { runDemo } from "./run-demo.ts";

const USAGE = `usage: npm run demo:build -- [--provider local|hcloud] [--json]

Needs Linux and root; says what else is missing. With hcloud the pool buys its machines in a simulated Hetzner Cloud that fails on purpose,
and has a real runner of this machine behind each server. --json: one event a line, the result last.
`;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = readArguments(argv);
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const provider = PLANE_PROVIDERS.find((name) => name === values.provider);
  if (provider === undefined) throw new TriplaneError("usage", `${JSON.stringify(values.provider)} is no provider here`, { hint: USAGE });
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stopping.abort());
  const emit = (event: object, text: string): void => void process.stdout.write(values.json ? `${JSON.stringify(event)}\n` : `${text}\n`);
  const result = await runDemo({ provider, clock: systemClock, random: systemRandom, signal: stopping.signal, emit });
  const missing = result.scenes.flatMap((scene) => scene.missing.map((claim) => `  ✘ ${scene.scene}: ${claim}`));
  const { observed, of } = result.claims;
  emit(result, ["", ...missing, `${result.ok ? "✔" : "✘"} ${observed} of ${of} claims observed in ${result.seconds} s`].join("\n"));
  return result.ok ? 0 : 1;
}

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        provider: { type: "string", default: "local" },
      },
    });
  } catch (cause) {
    throw new TriplaneError("usage", cause instanceof Error ? cause.message : String(cause), { hint: USAGE, cause });
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  const { code, message, hint } = toTriplaneError(thrown);
  process.stderr.write(`error: ${message}\n  code: ${code}\n  hint: ${hint}\n`);
  process.exitCode = code === "usage" ? 2 : 1;
}
