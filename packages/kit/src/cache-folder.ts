// Where what can be made again is kept for a user.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Environment } from "./config/resolve.ts";

/** `${XDG_CACHE_HOME:-~/.cache}/triplane`. A relative XDG_CACHE_HOME is ignored, as its specification demands. */
export function cacheFolder(env: Environment = process.env): string {
  const cache = env["XDG_CACHE_HOME"];
  return join(cache !== undefined && isAbsolute(cache) ? cache : join(env["HOME"] ?? homedir(), ".cache"), "triplane");
}
