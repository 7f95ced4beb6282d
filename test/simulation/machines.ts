// The machine side of a simulated workspace: a driver that converges and counts what it really changed, and the catalogue that it knows.
import { canonicalJson, digestOf } from "@triplane/contract";
import { type Catalog, componentDefinitionSchema, type Driver } from "@triplane/orchestrator";
import { type Faults, localCall, type Scheduler, type SimulatedProcess } from "@triplane/testkit";

export interface Effect {
  readonly jti: string;
  readonly target: string;
  readonly atMs: number;
}

/** What runs where; it outlives whoever asked for it. */
export class Machines {
  readonly #world: { readonly scheduler: Scheduler; readonly faults: Faults };
  readonly #isConvergent: boolean;
  readonly #states = new Map<string, string>();
  readonly effects: Effect[] = [];
  /** Told of each effect at its moment. */
  onEffect: ((effect: Effect) => void) | undefined;

  constructor(world: { readonly scheduler: Scheduler; readonly faults: Faults }, isConvergent = true) {
    this.#world = world;
    this.#isConvergent = isConvergent;
  }

  /** As one incarnation of the orchestrator sees it. */
  driver(process: SimulatedProcess): Driver {
    const { scheduler } = this.#world;
    return {
      converge: ({ target, want, jti }) =>
        localCall(this.#world, process, "driver.effect", () => {
          const wanted = want === undefined ? undefined : canonicalJson(want);
          if (!this.#isConvergent || this.#states.get(target) !== wanted) {
            if (wanted === undefined) this.#states.delete(target);
            else this.#states.set(target, wanted);
            const effect = { jti, target, atMs: scheduler.elapsedMs };
            this.effects.push(effect);
            scheduler.trace(process.name, `changed ${target} for ${jti}`);
            this.onEffect?.(effect);
          }
          return { ok: true as const, endpoints: [], evidence: {} };
        }),
      health: () => "healthy",
    };
  }
}

const worker = componentDefinitionSchema.parse({
  name: "worker",
  version: "1.0.0",
  description: "Does nothing.",
  driver: "Process",
  command: ["{node}"],
  ports: [],
  env: [],
  settings: {},
  max_replicas: 4,
  health: {
    check: "Heartbeat",
    file: "heartbeat",
    max_age_ms: 30_000,
    interval_ms: 1000,
    healthy_after: 1,
    unhealthy_after: 3,
    start_timeout_ms: 20_000,
  },
  restart: { max: 5, window_ms: 60_000, backoff_base_ms: 200, backoff_max_ms: 5000 },
  log: { max_bytes: 1_048_576, keep: 2 },
  stop: { signal: "SIGTERM", grace_ms: 5000 },
});

export const CATALOG: Catalog = {
  hasSecret: async () => false,
  find: async (name) => (name === worker.name ? { definition: worker, digest: digestOf("worker") } : undefined),
};
