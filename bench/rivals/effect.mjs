// The effect that every rival's job has: the settings file that Triplane's 'File driver writes, replaced atomically.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What an op says, at the size of a real one. */
export function payloadOf(number) {
  return {
    jti: crypto.randomUUID(),
    target: `flags-${number % 100}`,
    op: "component.deploy",
    expected_state_version: Math.floor(number / 100),
    args: { component: "flags", settings: { rollout_percent: number % 101, banner: `release ${number}` } },
    // As many bytes as the signed op of Triplane has.
    filler: "x".repeat(400),
  };
}

export function applyEffect(folder, { target, args }) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${target}.json`);
  writeFileSync(`${path}.tmp`, JSON.stringify(args.settings));
  renameSync(`${path}.tmp`, path);
  return { target, settings: args.settings };
}

/** Reads what the row asks for: folder, jobs, in flight, and whatever else. */
export function task() {
  return JSON.parse(process.argv[2] ?? "{}");
}

/** Tells the row how fast it went. */
export function answer(jobs, ms, detail = {}) {
  process.stdout.write(`${JSON.stringify({ opsPerSecond: (jobs / ms) * 1000, jobs, ...detail })}\n`);
}
