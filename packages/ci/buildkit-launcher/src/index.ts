// The public names of the buildkit-launcher.
export { type HttpPoolClient, poolClient } from "./adapters/pool-client.ts";
export { type BuildOptionName, CONFIG } from "./config.ts";
export { type BuildStreams, processStreams, runLauncher } from "./main.ts";
export { buildSpecSchema } from "./plan/size.ts";
export { EXIT_CODES_HELP } from "./receipt/exit-codes.ts";
