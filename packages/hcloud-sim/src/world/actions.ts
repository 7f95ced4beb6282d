// The actions of the simulated project: what they change when they begin and when they end. Time is an argument.
//
// 1. An action ends once: with success, or with its failure.
// 2. An action that waits for another one begins when that one has ended with success, and fails with it.
import type { ActionCommand, ActionFailure, Effect, SimAction, SimServer, WorldState } from "./types.ts";

/** Milliseconds that each takes in the real cloud, roughly (measured values of others: docs/reference/hcloud-sim.md). */
export const DURATIONS_MS: Readonly<Record<ActionCommand, number>> = {
  create_server: 9_000,
  start_server: 4_000,
  stop_server: 3_000,
  shutdown_server: 8_000,
  reboot_server: 6_000,
  reset_server: 4_000,
  delete_server: 2_000,
  create_image: 90_000,
  rebuild_server: 12_000,
  change_protection: 0,
};
/** How long a server runs that nothing stands behind, and whose user data ends in cloud-init's `power_state`. */
export const FIRST_BOOT_MS = 60_000;
/** A server made from a snapshot takes longer. */
export const CREATE_FROM_SNAPSHOT_MS = 65_000;

/** How a fault changes an action that is made. */
export interface ActionPlan {
  readonly stuck?: boolean;
  readonly extraMs?: number;
  readonly failure?: ActionFailure;
}

export interface NewAction {
  readonly command: ActionCommand;
  readonly resources: SimAction["resources"];
  readonly durationMs?: number;
  readonly after?: number;
  readonly waitsForBacker?: boolean;
}

const MAX_FINISHED = 5_000;
/** In YAML, or in JSON. */
const POWERS_OFF = /(?:^|")power_state"?\s*:/m;

export class Actions {
  readonly #state: WorldState;
  readonly #speed: number;
  readonly #plan: (command: ActionCommand, server: SimServer | undefined) => ActionPlan;
  readonly #effects: Effect[];
  readonly #backed: boolean;

  constructor(
    state: WorldState,
    options: {
      /** How many times faster than the real cloud. */
      readonly speed: number;
      readonly plan: (command: ActionCommand, server: SimServer | undefined) => ActionPlan;
      readonly effects: Effect[];
      /** Something real is started behind servers: it switches itself off, or not. */
      readonly backed: boolean;
    },
  ) {
    this.#state = state;
    this.#speed = options.speed;
    this.#plan = options.plan;
    this.#effects = options.effects;
    this.#backed = options.backed;
  }

  begin(wanted: NewAction, nowMs: number): SimAction {
    const plan = this.#plan(wanted.command, this.#serverOf(wanted));
    const durationMs = (wanted.durationMs ?? DURATIONS_MS[wanted.command]) / this.#speed + (plan.extraMs ?? 0);
    const action: SimAction = {
      id: this.#state.nextId++,
      command: wanted.command,
      resources: wanted.resources,
      startedMs: nowMs,
      durationMs,
      endsAtMs: undefined,
      finishedMs: undefined,
      failure: plan.failure,
      after: wanted.after,
      waitsForBacker: wanted.waitsForBacker ?? false,
      stuck: plan.stuck ?? false,
      statusBefore: undefined,
    };
    this.#state.actions.push(action);
    if (wanted.after === undefined) this.#run(action, nowMs);
    this.#forgetOld();
    return action;
  }

  /** The server's machine runs: what waited for it may end. */
  backed(serverId: number, nowMs: number): void {
    for (const action of this.#unfinishedOf(serverId)) {
      if (!action.waitsForBacker || action.endsAtMs !== undefined || !isRunning(action, this.#state)) continue;
      action.waitsForBacker = false;
      if (!action.stuck) action.endsAtMs = Math.max(nowMs, action.startedMs + action.durationMs);
    }
  }

  /** Its machine has switched itself off: once it runs, so has the server. */
  switchedOff(serverId: number, nowMs: number): void {
    const server = this.#state.servers.find(({ id }) => id === serverId);
    if (server === undefined) return;
    const runsAtMs = this.#unfinishedOf(serverId).map(({ endsAtMs }) => endsAtMs ?? nowMs);
    server.offAtMs = Math.max(nowMs, ...runsAtMs.map((atMs) => atMs + 1));
  }

  /** Its machine could not be started. */
  backerFailed(serverId: number, failure: ActionFailure, nowMs: number): void {
    for (const action of this.#unfinishedOf(serverId)) {
      if (!action.waitsForBacker) continue;
      action.failure = failure;
      action.endsAtMs = nowMs;
    }
  }

  /** Ends what is due, in the order in which it ends. */
  advance(nowMs: number): void {
    for (;;) {
      const due = this.#state.actions
        .filter((action) => action.finishedMs === undefined && action.endsAtMs !== undefined && action.endsAtMs <= nowMs)
        .sort((a, b) => (a.endsAtMs ?? 0) - (b.endsAtMs ?? 0) || a.id - b.id)[0];
      const off = this.#state.servers.find(({ offAtMs }) => offAtMs !== undefined && offAtMs <= Math.min(nowMs, due?.endsAtMs ?? nowMs));
      if (off !== undefined) {
        off.offAtMs = undefined;
        if (off.status === "running") off.status = "off";
        continue;
      }
      if (due === undefined) return;
      this.#end(due, due.endsAtMs ?? nowMs);
    }
  }

  /** When the next action ends; undefined where none is under way. */
  nextDueMs(): number | undefined {
    const ends = this.#state.actions.flatMap((action) => (action.finishedMs === undefined ? (action.endsAtMs ?? []) : []));
    const due = [...ends, ...this.#state.servers.flatMap(({ offAtMs }) => offAtMs ?? [])];
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Ends all that is under way for a server that is being deleted. */
  cancel(serverId: number, nowMs: number): void {
    for (const action of this.#unfinishedOf(serverId)) {
      action.failure = { code: "action_failed", message: "the server was deleted" };
      action.finishedMs = nowMs;
    }
  }

  isBusy(serverId: number): boolean {
    return this.#unfinishedOf(serverId).length > 0;
  }

  #unfinishedOf(serverId: number): SimAction[] {
    return this.#state.actions.filter(
      (action) => action.finishedMs === undefined && action.resources.some(({ id, type }) => type === "server" && id === serverId),
    );
  }

  #serverOf(action: Pick<SimAction, "resources">): SimServer | undefined {
    const reference = action.resources.find(({ type }) => type === "server");
    return this.#state.servers.find(({ id }) => id === reference?.id);
  }

  #run(action: SimAction, nowMs: number): void {
    const server = this.#serverOf(action);
    if (server !== undefined) {
      action.statusBefore = server.status;
      this.#onBegin(action.command, server);
    }
    if (!action.stuck && !action.waitsForBacker) action.endsAtMs = nowMs + action.durationMs;
  }

  #onBegin(command: ActionCommand, server: SimServer): void {
    switch (command) {
      case "start_server":
        server.status = "starting";
        this.#effects.push({ do: "start", server });
        break;
      case "rebuild_server":
        server.status = "rebuilding";
        this.#effects.push({ do: "stop", server }, { do: "start", server });
        break;
      case "reboot_server":
      case "reset_server":
        this.#effects.push({ do: "stop", server }, { do: "start", server });
        break;
      case "stop_server":
      case "shutdown_server":
        server.status = "stopping";
        break;
      case "delete_server":
        server.status = "deleting";
        this.#effects.push({ do: "stop", server });
        break;
      default:
        break;
    }
  }

  #end(action: SimAction, nowMs: number): void {
    action.finishedMs = nowMs;
    const server = this.#serverOf(action);
    if (action.failure === undefined) this.#onSuccess(action, server, nowMs);
    else this.#onFailure(action, server);
    for (const waiting of this.#state.actions.filter((each) => each.after === action.id && each.finishedMs === undefined)) {
      if (action.failure === undefined) this.#run(waiting, nowMs);
      else {
        waiting.failure = action.failure;
        waiting.finishedMs = nowMs;
      }
    }
  }

  #onSuccess(action: SimAction, server: SimServer | undefined, nowMs: number): void {
    switch (action.command) {
      case "create_image":
        this.#image(action, "available");
        break;
      case "delete_server":
        this.#state.servers = this.#state.servers.filter((each) => each !== server);
        break;
      case "create_server":
        if (server !== undefined) server.status = "off";
        break;
      case "stop_server":
      case "shutdown_server":
        if (server !== undefined) {
          server.status = "off";
          this.#effects.push({ do: "stop", server });
        }
        break;
      case "start_server":
      case "rebuild_server":
        if (server !== undefined) {
          server.status = "running";
          if (!this.#backed && POWERS_OFF.test(server.userData)) server.offAtMs = nowMs + FIRST_BOOT_MS / this.#speed;
        }
        break;
      case "reboot_server":
      case "reset_server":
        if (server !== undefined) server.status = "running";
        break;
      case "change_protection":
        break;
    }
  }

  #onFailure(action: SimAction, server: SimServer | undefined): void {
    if (action.command === "create_image") this.#image(action, "unavailable");
    else if (server !== undefined) server.status = action.command === "create_server" ? "off" : (action.statusBefore ?? server.status);
  }

  #image(action: SimAction, status: "available" | "unavailable"): void {
    const reference = action.resources.find(({ type }) => type === "image");
    const image = this.#state.images.find(({ id }) => id === reference?.id);
    if (image === undefined) return;
    image.status = status;
    if (status === "available") image.imageSizeGb = Math.round(image.diskSizeGb * 4) / 100;
  }

  #forgetOld(): void {
    if (this.#state.actions.length > 2 * MAX_FINISHED) {
      const finished = this.#state.actions.filter(({ finishedMs }) => finishedMs !== undefined).slice(0, -MAX_FINISHED);
      const old = new Set(finished);
      this.#state.actions = this.#state.actions.filter((action) => !old.has(action));
    }
  }
}

function isRunning(action: SimAction, state: WorldState): boolean {
  if (action.after === undefined) return true;
  const before = state.actions.find(({ id }) => id === action.after);
  return before === undefined || before.finishedMs !== undefined;
}
