// TCP ports for replicas, on loopback: kept as long as the replica exists, free when they are given.
import { createServer } from "node:net";
import { type Random, TriplaneError } from "@triplane/contract";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export class PortAllocator {
  readonly #range: PortRange;
  readonly #taken = new Set<number>();
  #next: number;

  /** Begins at a random place, so that several orchestrators on one machine rarely try the same ports. */
  constructor(range: PortRange, random: Random) {
    this.#range = range;
    const bytes = random.bytes(4);
    const size = range.last - range.first + 1;
    this.#next = range.first + (new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) % size);
  }

  /** Marks ports that a recorded replica has. */
  reserve(ports: Iterable<number>): void {
    for (const port of ports) this.#taken.add(port);
  }

  release(ports: Iterable<number>): void {
    for (const port of ports) this.#taken.delete(port);
  }

  /** One port for each name. Throws `apply_failed` where the range has none left. */
  async allocate(names: readonly string[]): Promise<Readonly<Record<string, number>>> {
    const ports: Record<string, number> = {};
    for (const name of names) ports[name] = await this.#one();
    return ports;
  }

  async #one(): Promise<number> {
    const size = this.#range.last - this.#range.first + 1;
    for (let tried = 0; tried < size; tried += 1) {
      const port = this.#next;
      this.#next = port === this.#range.last ? this.#range.first : port + 1;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port)) return port;
      this.#taken.delete(port);
    }
    throw new TriplaneError("apply_failed", `no free port from ${this.#range.first} to ${this.#range.last}`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
