// The program `audit-mirror`.
import { runAuditMirror } from "@triplane/audit-mirror";

process.exitCode = await runAuditMirror(process.argv.slice(2), process.env);
