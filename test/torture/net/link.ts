// A TCP proxy between one process and one server that can be cut, slowed down and broken, as a network can.
//
// 1. What is held back is never dropped: TCP sends it again, so it arrives late and in order, or the connection ends. `reset` is how it ends.
// 2. A direction can be cut alone: a request arrives and its answer does not.
// 3. Ends travel with the bytes: an end that happens behind a cut is seen only when it is healed.
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** As the process sees it: `up` is what it sends, `down` what it gets. */
export type Direction = "up" | "down";

interface Parcel {
  readonly dueMs: number;
  readonly deliver: () => void;
}

/** One direction of one connection: delivers in order, not before its time, and not while it is blocked. */
class Pipe {
  readonly #parcels: Parcel[] = [];
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;

  push(delayMs: number, deliver: () => void): void {
    this.#parcels.push({ dueMs: performance.now() + delayMs, deliver });
    this.#drain();
  }

  block(blocked: boolean): void {
    this.#blocked = blocked;
    this.#drain();
  }

  clear(): void {
    this.#parcels.length = 0;
    clearTimeout(this.#timer);
  }

  #drain(): void {
    clearTimeout(this.#timer);
    for (let [next] = this.#parcels; next !== undefined && !this.#blocked; [next] = this.#parcels) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#drain(), Math.ceil(waitMs));
        return;
      }
      this.#parcels.shift();
      next.deliver();
    }
  }
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly pipes: Readonly<Record<Direction, Pipe>>;
}

export class Link {
  readonly name: string;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #cut: Record<Direction, boolean> = { up: false, down: false };
  #delay: (() => number) | undefined;
  #refusing = false;
  #resetAfterBytes = Number.POSITIVE_INFINITY;
  #upBytes = 0;

  private constructor(name: string, target: { readonly host: string; readonly port: number }) {
    this.name = name;
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#accept(near));
  }

  /** Listens on a free port of `host`, loopback unless told otherwise; so is the host of what it leads to. */
  static async open(name: string, target: number | { readonly host: string; readonly port: number }, host = "127.0.0.1"): Promise<Link> {
    const link = new Link(name, typeof target === "number" ? { host: "127.0.0.1", port: target } : target);
    link.#server.listen(0, host);
    await once(link.#server, "listening");
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error(`the link ${this.name} does not listen`);
    return address.port;
  }

  /** Holds back what goes in these directions, of open connections and of new ones. */
  cut(directions: readonly Direction[]): void {
    for (const direction of directions) this.#cut[direction] = true;
    this.#applyCut();
  }

  /** `delayMs` is asked for each piece that arrives; pieces still arrive in order. */
  delay(delayMs: () => number): void {
    this.#delay = delayMs;
  }

  /** Ends every connection at once with a reset, as a firewall does that forgot them. What was under way is lost. */
  reset(): void {
    for (const connection of this.#connections) {
      connection.near.resetAndDestroy();
      connection.far.resetAndDestroy();
    }
  }

  /** As `reset`, once, when so many bytes more have come from the process. */
  resetAfter(bytes: number): void {
    this.#upBytes = 0;
    this.#resetAfterBytes = bytes;
  }

  /** Whether a reset that was asked for has still to come. */
  get isDue(): boolean {
    return Number.isFinite(this.#resetAfterBytes);
  }

  /** Resets what is open and lets nobody in until it is healed. */
  refuse(): void {
    this.#refusing = true;
    this.reset();
  }

  /** What was held back arrives now. */
  heal(): void {
    this.#refusing = false;
    this.#delay = undefined;
    this.#cut.up = false;
    this.#cut.down = false;
    this.#applyCut();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { near, far } of this.#connections) {
      near.destroy();
      far.destroy();
    }
    await closed;
  }

  #count(bytes: number): void {
    this.#upBytes += bytes;
    if (this.#upBytes < this.#resetAfterBytes) return;
    this.#resetAfterBytes = Number.POSITIVE_INFINITY;
    this.reset();
  }

  #applyCut(): void {
    for (const { pipes } of this.#connections) {
      pipes.up.block(this.#cut.up);
      pipes.down.block(this.#cut.down);
    }
  }

  #accept(near: Socket): void {
    near.on("error", () => undefined); // its close says the same
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    near.setNoDelay(true);
    far.on("error", () => undefined);
    const connection: Connection = { near, far, pipes: { up: new Pipe(), down: new Pipe() } };
    this.#connections.add(connection);
    this.#forward(connection, "up");
    this.#forward(connection, "down");
    this.#applyCut();
  }

  #forward(connection: Connection, direction: Direction): void {
    const { near, far, pipes } = connection;
    const [from, to] = direction === "up" ? [near, far] : [far, near];
    const pipe = pipes[direction];
    const push = (deliver: () => void): void => pipe.push(this.#delay?.() ?? 0, deliver);
    from.on("data", (bytes: Buffer) => {
      if (direction === "up") this.#count(bytes.length);
      push(() => to.writable && to.write(bytes));
    });
    from.on("end", () => push(() => to.end()));
    from.on("close", () => {
      push(() => to.destroy());
      if (near.destroyed && far.destroyed) {
        pipes.up.clear();
        pipes.down.clear();
        this.#connections.delete(connection);
      }
    });
  }
}
