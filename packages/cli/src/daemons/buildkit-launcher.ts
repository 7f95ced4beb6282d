// The program `buildkit-launcher`.
import { processStreams, runLauncher } from "@triplane/buildkit-launcher";

process.exitCode = await runLauncher(process.argv.slice(2), process.env, processStreams);
