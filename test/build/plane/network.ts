// The plane's own private range: its first address is the registry's, for runners and for this machine alike.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Random } from "@triplane/contract";

const run = promisify(execFile);

export interface PlaneNetwork extends AsyncDisposable {
  /** `10.64.7.0/24`. */
  readonly cidr: string;
  readonly gateway: string;
  /** `10.64.7.`: how every address of it begins. */
  readonly prefix: string;
}

/** Label of the address, with the process that took it: at most 15 characters (ip-address(8)). */
const LABEL = "lo:tpr";

/**
 * Takes a range that nothing uses, and puts its first address on the loopback interface: there it stays while no runner, whose interface has it too,
 * is up, and nothing outside of this machine reaches it.
 */
export async function takeNetwork(random: Random): Promise<PlaneNetwork> {
  await dropAbandoned();
  const prefix = await freePrefix(random);
  const gateway = `${prefix}1`;
  await run("ip", ["address", "add", `${gateway}/32`, "dev", "lo", "label", `${LABEL}${process.pid}`]);
  return {
    ...{ cidr: `${prefix}0/24`, gateway, prefix },
    [Symbol.asyncDispose]: async () => {
      await run("ip", ["address", "del", `${gateway}/32`, "dev", "lo"]);
    },
  };
}

/** Addresses of processes that were killed before they could give them back. */
async function dropAbandoned(): Promise<void> {
  const { stdout } = await run("ip", ["-4", "-oneline", "address", "show", "dev", "lo"]);
  for (const [, address = "", pid = ""] of stdout.matchAll(/ inet (10\.[\d.]+\/32) .*\blo:tpr(\d+)/g))
    if (!existsSync(`/proc/${pid}`)) await run("ip", ["address", "del", address, "dev", "lo"]).catch(() => undefined);
}

async function freePrefix(random: Random): Promise<string> {
  for (;;) {
    const [second = 0, third = 0] = random.bytes(2);
    const prefix = `10.${64 + (second % 186)}.${third}.`;
    const { stdout } = await run("ip", ["-4", "route", "show", "table", "all"]);
    if (!stdout.includes(prefix)) return prefix;
  }
}

/** Interfaces over which an address of the range is routed: those of runners. proc(5), /proc/net/route has addresses as little-endian hexadecimal. */
export async function routedInterfaces({ prefix }: Pick<PlaneNetwork, "prefix">): Promise<readonly string[]> {
  const bytes = prefix.split(".").slice(0, 3).map(Number);
  const ending = bytes
    .toReversed()
    .map((byte) => byte.toString(16).toUpperCase().padStart(2, "0"))
    .join("");
  const lines = (await readFile("/proc/net/route", "utf8")).trim().split("\n").slice(1);
  return lines.map((line) => line.split("\t")).flatMap(([name = "", destination = ""]) => (destination.endsWith(ending) ? [name] : []));
}
