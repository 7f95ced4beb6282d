// The program `keeper-daemon`.
import { runKeeper } from "@triplane/keeper";

process.exitCode = await runKeeper(process.argv.slice(2), process.env);
