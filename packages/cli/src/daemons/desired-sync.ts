// The program `desired-sync`.
import { runDesiredSync } from "@triplane/desired-sync";

// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runDesiredSync(process.argv.slice(2), process.env));
