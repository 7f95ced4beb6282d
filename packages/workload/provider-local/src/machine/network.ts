// The network of a runner: a pair of virtual interfaces, one end with the machine, the other in the runner's namespace.
//
// 1. The pair is made with one end in the namespace: when the namespace goes, it goes, whoever is still alive then.
// 2. The machine's table of routes says which addresses are taken; adding a route is what takes one.
// 3. Nothing that comes from a runner is forwarded unless the configuration says so.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno, sleep } from "@triplane/kit";
import type { AddressRange } from "./addresses.ts";
import { exec } from "./exec.ts";

/** Runs a program as a helper of the runner, inside its fence. */
export type Helper = (program: string, ...programArguments: readonly string[]) => Promise<string>;

export interface NetworkOptions {
  readonly range: AddressRange;
  /** Whether the kernel may forward what comes from runners; masquerading is up to the machine's own rules. */
  readonly forward: boolean;
}

const GONE_DEADLINE_MS = 10_000;

/** Connects the namespace of process `pid`; the runner's address. `folder` is for files of ip. Throws `provider_unavailable` when none is left. */
export async function attach(id: string, pid: number, folder: string, options: NetworkOptions, helper: Helper): Promise<string> {
  // Names and numbers of ours alone: nothing that somebody else wrote gets into a line.
  const batch = async (lines: readonly string[], run: (file: string) => Promise<unknown>): Promise<void> => {
    const file = join(folder, "network.batch");
    await writeFile(file, `${lines.join("\n")}\n`);
    await run(file);
  };
  const { gateway } = options.range;
  await batch([`link add ${id} type veth peer name eth0 netns ${pid}`, `address add ${gateway}/32 dev ${id}`], (file) =>
    helper("ip", "-batch", file),
  );
  await setting(`ipv4/conf/${id}/forwarding`, options.forward ? "1" : "0");
  await setting(`ipv4/conf/${id}/rp_filter`, "1");
  // Else the machine has a link-local address there, and what listens on [::] is within reach.
  await setting(`ipv6/conf/${id}/disable_ipv6`, "1");
  await helper("ip", "link", "set", id, "up");
  const address = await takeAddress(id, options.range, helper);
  const inside = [
    "link set lo up",
    `address add ${address}/32 dev eth0`,
    "link set eth0 up",
    `route add ${gateway}/32 dev eth0 scope link`,
    `route add default via ${gateway} dev eth0`,
  ];
  await batch(inside, (file) => helper("nsenter", "--net", "--target", String(pid), "ip", "-batch", file));
  return address;
}

/** Removes the pair if it is still there. */
export async function detach(id: string): Promise<void> {
  const isThere = (): boolean => existsSync(join("/sys/class/net", id));
  const giveUpAt = Date.now() + GONE_DEADLINE_MS;
  while (isThere()) {
    await exec("ip", ["link", "delete", id]).catch((error: unknown) => {
      if (isThere() && Date.now() > giveUpAt) throw error;
    });
    if (isThere()) await sleep(20);
  }
}

async function takeAddress(id: string, range: AddressRange, helper: Helper): Promise<string> {
  for (let index = 0; index < range.size; index += 1) {
    const address = range.at(index);
    try {
      await helper("ip", "route", "add", `${address}/32`, "dev", id, "src", range.gateway);
      return address;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("File exists"))) throw error;
    }
  }
  throw new TriplaneError("provider_unavailable", "no address is left in the range of runners");
}

async function setting(path: string, value: string): Promise<void> {
  try {
    await writeFile(join("/proc/sys/net", path), value);
  } catch (error) {
    // A kernel without IPv6 has nothing to switch off.
    if (!(path.startsWith("ipv6/") && isErrno(error, "ENOENT"))) throw error;
  }
}
