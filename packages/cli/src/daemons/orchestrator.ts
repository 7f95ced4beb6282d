// The program `orchestrator`.
import { runOrchestrator } from "@triplane/orchestrator";

process.exitCode = await runOrchestrator(process.argv.slice(2), process.env);
