// The program `hcloud-sim`.
import { runHcloudSim } from "./main.ts";

process.exit(await runHcloudSim(process.argv.slice(2), process.env));
