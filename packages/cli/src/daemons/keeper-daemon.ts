// The program `keeper-daemon`.
import { runKeeper } from "@triplane/keeper";

// Ends here and now: what a native library keeps open must not keep the process.
process.exit(await runKeeper(process.argv.slice(2), process.env));
