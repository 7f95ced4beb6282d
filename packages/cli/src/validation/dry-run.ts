// A dry run of a playbook, in a process of its own: `triplane playbook run NAME --dry-run`.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { tryParseJson } from "@triplane/kit";
import { z } from "zod";
import type { HomeLayout } from "../home/layout.ts";
import { PRODUCT_ROOT } from "../home/layout.ts";

const LIMIT_MS = 300_000;
const MAX_OUTPUT = 8 * 1024 * 1024;
const TRIPLANE = join(PRODUCT_ROOT, "packages", "cli", "bin", "triplane.mjs");

const ranSchema = z.object({ state: z.string(), steps: z.array(z.object({ id: z.string(), state: z.string() })) });

/** Never rejects: what did not end well says how far it came. */
export function dryRun(
  name: string,
  layout: HomeLayout,
  provisioning: string,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly saw: string }> {
  const argv = [TRIPLANE, "playbook", "run", name, "--dry-run", "--json", "--home", layout.root, "--provisioning-root", provisioning];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { signal, timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT }, (error, stdout, stderr) => {
      const ran = ranSchema.safeParse(tryParseJson(stdout));
      const stuck = ran.success ? ran.data.steps.find(({ state }) => state !== "pass" && state !== "skip") : undefined;
      const saw = stuck === undefined ? (stderr.trim().split("\n")[0] ?? "").slice(0, 300) : `step ${stuck.id}: ${stuck.state}`;
      resolve({ ok: error === null, saw: error === null ? "passed" : saw || error.message.slice(0, 300) });
    });
  });
}
