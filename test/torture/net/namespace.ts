// A network namespace for the signing plane, with one wire to the rest: pulled out, packets are really gone, and TCP has to cope.
import { randomBytes } from "node:crypto";
import { runProgram } from "../disks/program.ts";

export class Namespace {
  readonly name: string;
  /** Of the end of the wire that is outside, where a server may listen for those inside. */
  readonly outside: string;
  readonly inside: string;
  readonly #wire: string;

  private constructor(name: string, wire: string, net: number) {
    this.name = name;
    this.#wire = wire;
    // 198.18.0.0/15 is for tests of networks (RFC 2544); nobody routes it.
    this.outside = `198.18.${net}.1`;
    this.inside = `198.18.${net}.2`;
  }

  static async create(): Promise<Namespace> {
    const id = randomBytes(3);
    const mark = id.toString("hex");
    const namespace = new Namespace(`tp-${mark}`, `tp${mark}`, id.readUInt8(0));
    const { name, outside, inside } = namespace;
    await runProgram("ip", "netns", "add", name);
    try {
      await runProgram("ip", "link", "add", `tp${mark}`, "type", "veth", "peer", "name", `tq${mark}`, "netns", name);
      await runProgram("ip", "addr", "add", `${outside}/30`, "dev", `tp${mark}`);
      await runProgram("ip", "link", "set", `tp${mark}`, "up");
      await runProgram("ip", "-n", name, "addr", "add", `${inside}/30`, "dev", `tq${mark}`);
      await runProgram("ip", "-n", name, "link", "set", `tq${mark}`, "up");
      await runProgram("ip", "-n", name, "link", "set", "lo", "up");
      return namespace;
    } catch (error) {
      await namespace.destroy();
      throw error;
    }
  }

  /** Put before a command, it runs in here. Not `ip netns exec`: that copies all mounts, and no disk could be unmounted any more. */
  get prefix(): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.name}`];
  }

  async unplug(): Promise<void> {
    await runProgram("ip", "link", "set", this.#wire, "down");
  }

  async plug(): Promise<void> {
    await runProgram("ip", "link", "set", this.#wire, "up");
  }

  /** The wire goes with it. */
  async destroy(): Promise<void> {
    await runProgram("ip", "link", "del", this.#wire).catch(() => undefined);
    await runProgram("ip", "netns", "del", this.name);
  }
}

let reason: Promise<string | undefined> | undefined;

/** Why there can be no namespaces here, found out by making one; undefined where there can. */
export function whyNoNamespaces(): Promise<string | undefined> {
  reason ??= (async () => {
    if (process.platform !== "linux") return "network namespaces are a thing of Linux";
    if (process.getuid?.() !== 0) return "only root may make a network namespace";
    try {
      const namespace = await Namespace.create();
      const [program = "", ...args] = [...namespace.prefix, process.execPath, "--version"];
      await runProgram(program, ...args).finally(() => namespace.destroy());
      return undefined;
    } catch (error) {
      return `no network namespace could be made: ${error instanceof Error ? error.message : String(error)}`;
    }
  })();
  return reason;
}
