// The program `desired-sync`.
import { runDesiredSync } from "@triplane/desired-sync";

process.exitCode = await runDesiredSync(process.argv.slice(2), process.env);
