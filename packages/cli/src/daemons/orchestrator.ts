// The program `orchestrator`.
import { runOrchestrator } from "@triplane/orchestrator";

// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runOrchestrator(process.argv.slice(2), process.env));
