// Carries out what the world wants of the machines behind its servers, one call after the other for each server.
import type { Clock } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { type BackedServer, type Backer, NO_BACKER } from "./backer.ts";
import { typeNamed } from "./world/catalogue.ts";
import type { Effect, SimServer } from "./world/types.ts";
import type { World } from "./world/world.ts";

export class Backing {
  readonly #backer: Backer;
  readonly #world: World;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #changed: () => void;
  readonly #lines = new Map<number, Promise<void>>();
  readonly #running = new Map<number, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: { backer: Backer; world: World; clock: Clock; logger: Logger; changed: () => void }) {
    this.#backer = options.backer;
    this.#world = options.world;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#changed = options.changed;
  }

  perform(effects: readonly Effect[]): void {
    if (this.#backer === NO_BACKER) return;
    for (const { do: what, server } of effects) {
      const before = this.#lines.get(server.id) ?? Promise.resolve();
      const line = before.then(() => (what === "start" ? this.#start(server) : this.#stop(server)));
      this.#lines.set(server.id, line);
      void line.then(() => {
        if (this.#lines.get(server.id) === line) this.#lines.delete(server.id);
      });
    }
  }

  /** Waits for what is under way and lets the backer end. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#lines.values());
    await this.#backer.close?.();
  }

  async #start(server: SimServer): Promise<void> {
    try {
      const { ipv4, ended } = await this.#backer.start(this.#view(server), server.userData, this.#stopping.signal);
      if (ipv4 !== undefined) server.ipv4 = ipv4;
      if (ended !== undefined) this.#switchedOff(server, ended);
      this.#world.actions.backed(server.id, this.#clock.nowMs());
    } catch (error) {
      this.#logger.warn({ err: error, server: server.name }, "the backer could not start a machine");
      const failure = { code: "action_failed", message: "the machine could not be started" };
      this.#world.actions.backerFailed(server.id, failure, this.#clock.nowMs());
    }
    this.#changed();
  }

  /** Of the machine that was started last: one that was stopped meanwhile has no say any more. */
  #switchedOff(server: SimServer, ended: Promise<void>): void {
    this.#running.set(server.id, ended);
    const off = (): void => {
      if (this.#running.get(server.id) !== ended || this.#stopping.signal.aborted) return;
      this.#world.actions.switchedOff(server.id, this.#clock.nowMs());
      this.#changed();
    };
    ended.then(off, off);
  }

  async #stop(server: SimServer): Promise<void> {
    this.#running.delete(server.id);
    try {
      await this.#backer.stop({ id: server.id, name: server.name });
    } catch (error) {
      this.#logger.warn({ err: error, server: server.name }, "the backer could not stop a machine");
    }
  }

  #view(server: SimServer): BackedServer {
    const type = typeNamed(server.serverType);
    const image = this.#world.state.images.find(({ id }) => id === server.imageId);
    const keys = this.#world.state.sshKeys.filter(({ id }) => server.sshKeyIds.includes(id));
    return {
      ...{ id: server.id, name: server.name, serverType: server.serverType, location: server.location, labels: server.labels },
      ...{ cores: type?.cores ?? 1, memoryMib: (type?.memoryGb ?? 1) * 1024 },
      image: { id: image?.id ?? 0, labels: image?.labels ?? {} },
      authorizedKeys: keys.map(({ publicKey }) => publicKey),
    };
  }
}
