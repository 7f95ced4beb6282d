// The program `audit-mirror`.
import { runAuditMirror } from "@triplane/audit-mirror";

// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runAuditMirror(process.argv.slice(2), process.env));
