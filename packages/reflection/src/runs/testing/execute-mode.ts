// A process that executes a run, for tests that kill it: arguments are the mode as JSON, the folder of runs, and the root.
import { systemClock, systemRandom } from "@triplane/kit";
import { modeSchema } from "../../modes/schema.ts";
import { openRuns } from "../open-runs.ts";

const [json = "", folder = "", root = ""] = process.argv.slice(2);
const mode = modeSchema.parse(JSON.parse(json));
const runs = openRuns({ root, folder, modes: { load: async () => mode }, env: process.env, clock: systemClock, random: systemRandom });
await runs.exec(mode.id, { task: "to be killed", actor: "Ci" });
