// The program `ops-controller`.
import { useCompileCache } from "../compile-cache.ts";

useCompileCache(process.env);
const { runController } = await import("@triplane/controller");
// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runController(process.argv.slice(2), process.env));
