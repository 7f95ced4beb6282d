// Where roots and runners lie when nobody says otherwise.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

function dataFolder(env: Readonly<Record<string, string | undefined>>): string {
  const data = env["XDG_DATA_HOME"];
  return join(data !== undefined && isAbsolute(data) ? data : join(env["HOME"] ?? homedir(), ".local", "share"), "triplane");
}

export function defaultGoldenFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(dataFolder(env), "golden");
}

export function defaultRunnersFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(dataFolder(env), "runners");
}
