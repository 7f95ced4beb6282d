// The public names of the controller.
export { CONFIG } from "./config.ts";
export { runController } from "./main.ts";
