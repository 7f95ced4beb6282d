// The program `ops-controller`.
import { runController } from "@triplane/controller";

// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runController(process.argv.slice(2), process.env));
