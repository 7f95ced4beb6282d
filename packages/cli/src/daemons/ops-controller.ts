// The program `ops-controller`.
import { runController } from "@triplane/controller";

process.exitCode = await runController(process.argv.slice(2), process.env);
