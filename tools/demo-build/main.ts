// `npm run demo:build`: builds on machines of their own, from an empty folder to an empty folder. Every claim is observed; exit code 0 only if all of them held and nothing is left.
import { parseArgs } from "node:util";
import { toTriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { PLANE_PROVIDERS } from "../../test/build/plane/build-plane.ts";
import { runDemo } from "./run-demo.ts";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } } });
if (values.help) {
  process.stdout.write(
    "usage: npm run demo:build -- [--json]\n\nNeeds Linux and root; says what else is missing. --json: one event a line.\n",
  );
} else {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => stopping.abort());
  const emit = (event: object, text: string): void => void process.stdout.write(values.json ? `${JSON.stringify(event)}\n` : `${text}\n`);
  try {
    const result = await runDemo({ provider, clock: systemClock, random: systemRandom, signal: stopping.signal, emit });
    const missing = result.scenes.flatMap((scene) => scene.missing.map((claim) => `  ✘ ${scene.scene}: ${claim}`));
    const { observed, of } = result.claims;
    emit(result, ["", ...missing, `${result.ok ? "✔" : "✘"} ${observed} of ${of} claims observed in ${result.seconds} s`].join("\n"));
    process.exitCode = result.ok ? 0 : 1;
  } catch (thrown) {
    const { code, message, hint } = toTriplaneError(thrown);
    process.stderr.write(
      values.json ? `${JSON.stringify({ error: { code, message, hint } })}\n` : `error: ${message}\n  code: ${code}\n  hint: ${hint}\n`,
    );
    process.exitCode = 1;
  }
}
