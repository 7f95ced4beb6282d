// keeper-daemon as a process of its own, for tests that kill it.
import { runKeeper } from "../main.ts";

process.exitCode = await runKeeper(process.argv.slice(2), process.env);
