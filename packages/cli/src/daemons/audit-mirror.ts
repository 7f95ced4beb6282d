// The program `audit-mirror`.
import { useCompileCache } from "../compile-cache.ts";

useCompileCache(process.env);
const { runAuditMirror } = await import("@triplane/audit-mirror");
// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runAuditMirror(process.argv.slice(2), process.env));
