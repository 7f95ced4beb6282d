// Servers of the project as they are made and unmade: by the pool as runners, by the golden image's pipeline as builders.
//
// 1. A create whose fate is not known throws `provider_unknown_outcome`; one that failed after the server was made leaves no server behind. `runner-always-destroyed`
// 2. A server is destroyed when the API says that it is gone, not when the deletion was asked for.
import { type Clock, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import type { ActionEnd, ActionWaiter } from "./client/actions.ts";
import { type Action, type ApiServer, createdServerSchema, oneActionSchema, oneServerSchema } from "./client/answers.ts";
import type { HcloudClient } from "./client/client.ts";
import { failureCodeOf, meaningOf } from "./client/codes.ts";
import type { PlaceholderKey } from "./placeholder-key.ts";

export interface MachineWish {
  readonly name: string;
  readonly type: string;
  readonly location: string;
  /** Id of a snapshot, or the name of a stock image. */
  readonly image: number | string;
  readonly userData: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface MachinesOptions {
  readonly client: HcloudClient;
  readonly actions: ActionWaiter;
  readonly key: PlaceholderKey;
  readonly clock: Clock;
  readonly logger: Logger;
  /** First pause between looks at a server that is being deleted by somebody else. */
  readonly pollMs: number;
  readonly deadlineMs: number;
}

const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ID = /^[1-9]\d{0,14}$/;

export class Machines {
  readonly #options: MachinesOptions;

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** The server once it has been started; it has not booted by then. */
  async make(wish: MachineWish, signal: AbortSignal): Promise<ApiServer> {
    const { client, actions, key, logger, deadlineMs } = this.#options;
    const body = {
      ...{ name: checkedName(wish.name), server_type: wish.type, location: wish.location, image: wish.image },
      ...{ ssh_keys: [await key.id(signal)], user_data: wish.userData, labels: wish.labels, start_after_create: true },
      public_net: { enable_ipv4: true, enable_ipv6: true },
    };
    const made = await client.ask({ method: "POST", path: "/servers", body }, createdServerSchema, signal).catch((error: unknown) => {
      // It may have been the key that somebody deleted.
      if (toTriplaneError(error).code === "provider_failed") key.forget();
      throw error;
    });
    const { id } = made.server;
    logger.info({ server: id, name: wish.name, type: wish.type, location: wish.location }, "a server was made");
    const ends = await actions.wait([made.action, ...made.next_actions], signal);
    const failed = ends.find((end) => typeof end === "object" && end.status === "error");
    if (typeof failed === "object") return await this.#giveUp(id, failed, signal);
    if (ends.includes("late"))
      throw new TriplaneError("provider_unknown_outcome", `server ${id} is not started after ${deadlineMs / 1000} s`);
    const there = await this.look(String(id), signal).catch((error: unknown) => {
      throw new TriplaneError("provider_unknown_outcome", `server ${id} was made and cannot be looked at`, { cause: error });
    });
    if (there === undefined) throw new TriplaneError("provider_failed", `server ${id} is gone right after it was made`);
    return there;
  }

  async look(id: string, signal: AbortSignal): Promise<ApiServer | undefined> {
    const answer = await this.#options.client.askIfThere({ method: "GET", path: `/servers/${checkedId(id)}` }, oneServerSchema, signal);
    return answer?.server;
  }

  /** Resolves when it is gone, or was never there. */
  async destroy(id: string, signal: AbortSignal): Promise<void> {
    const { client, actions } = this.#options;
    const ask = { method: "DELETE", path: `/servers/${checkedId(id)}` } as const;
    let answer: { readonly action: Action } | undefined;
    try {
      answer = await client.askIfThere(ask, oneActionSchema, signal);
    } catch (error) {
      // Who asks second finds it locked by the first one's deletion.
      if (toTriplaneError(error).code === "provider_busy" && (await this.#goesAway(id, signal))) return;
      throw error;
    }
    if (answer === undefined) return;
    const [end] = await actions.wait([answer.action], signal);
    if (end === "gone" || (typeof end === "object" && end.status === "success")) return;
    // The action failed, or takes for ever: what counts is whether the server is there.
    if ((await this.look(id, signal)) === undefined) return;
    throw stillThere(id, end);
  }

  /** Whether a server that is being deleted is gone at last; false where nobody is deleting it. */
  async #goesAway(id: string, signal: AbortSignal): Promise<boolean> {
    const { clock, pollMs, deadlineMs } = this.#options;
    const untilMs = clock.nowMs() + deadlineMs;
    for (;;) {
      const server = await this.look(id, signal);
      if (server === undefined) return true;
      if (server.status !== "deleting") return false;
      if (signal.aborted || clock.nowMs() > untilMs) throw stillThere(id, "late");
      await sleep(pollMs, signal);
    }
  }

  /** Makes the server that is half made go away, and throws why. */
  async #giveUp(id: number, failed: Action, signal: AbortSignal): Promise<never> {
    const failure = actionFailure(`the creation of server ${id}`, failed);
    try {
      await this.destroy(String(id), signal);
    } catch (error) {
      const { code, message } = toTriplaneError(error);
      throw new TriplaneError(
        "provider_unknown_outcome",
        `${failure.message}; removing what there is of it failed too: ${message} (${code})`,
        {
          cause: error,
        },
      );
    }
    throw failure;
  }
}

export function actionFailure(what: string, action: Action): TriplaneError {
  const { code, message } = action.error ?? { code: "action_failed", message: "no reason given" };
  const meaning = meaningOf(code, message);
  // The action has ended: nothing about it is unknown.
  const failure = meaning === "unknown" ? "provider_failed" : failureCodeOf(meaning, true);
  return new TriplaneError(failure, `${what} failed: ${message} (${code})`, { details: { api_code: code, action: action.id } });
}

/** Throws `provider_failed` for what cannot be a server's name. */
export function checkedName(name: string): string {
  if (!HOST_NAME.test(name)) throw new TriplaneError("provider_failed", `${JSON.stringify(name.slice(0, 80))} is not a host name`);
  return name;
}

/** Throws `provider_failed` for what cannot be an id: it would lead elsewhere in a path. */
export function checkedId(id: string): string {
  if (!ID.test(id)) throw new TriplaneError("provider_failed", `${JSON.stringify(id.slice(0, 40))} is not an id of Hetzner Cloud`);
  return id;
}

function stillThere(id: string, end: ActionEnd | undefined): TriplaneError {
  if (typeof end === "object") return actionFailure(`the deletion of server ${id}`, end);
  return new TriplaneError("provider_busy", `server ${id} is still there long after its deletion was asked for`);
}
