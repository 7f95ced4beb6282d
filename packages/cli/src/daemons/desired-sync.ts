// The program `desired-sync`.
import { useCompileCache } from "../compile-cache.ts";

useCompileCache(process.env);
const { runDesiredSync } = await import("@triplane/desired-sync");
// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runDesiredSync(process.argv.slice(2), process.env));
