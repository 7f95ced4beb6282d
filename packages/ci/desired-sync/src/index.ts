// The public names of desired-sync.
export { CONFIG } from "./config.ts";
export { runDesiredSync } from "./main.ts";
