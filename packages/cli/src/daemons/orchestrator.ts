// The program `orchestrator`.
import { useCompileCache } from "../compile-cache.ts";

useCompileCache(process.env);
const { runOrchestrator } = await import("@triplane/orchestrator");
// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runOrchestrator(process.argv.slice(2), process.env));
