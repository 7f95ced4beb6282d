// Runners from Hetzner Cloud, behind the pool's port.
//
// 1. A create whose fate is not known throws `provider_unknown_outcome`; one that failed after the server was made leaves no server behind. `runner-always-destroyed`
// 2. A server is destroyed when the API says that it is gone, not when the deletion was asked for.
// 3. The token is in the header of calls to the endpoint, and nowhere else.
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { Image, Provider, Server, ServerSpec } from "@triplane/vm-pool";
import { ActionWaiter } from "./client/actions.ts";
import {
  type Action,
  type ApiImage,
  createdServerSchema,
  imageSchema,
  oneActionSchema,
  oneServerSchema,
  type ServerType,
  serverSchema,
  serverTypeSchema,
} from "./client/answers.ts";
import { HcloudClient } from "./client/client.ts";
import { failureCodeOf, meaningOf } from "./client/codes.ts";
import { runnerUserData } from "./cloud-init.ts";
import { offersOf, Unavailable } from "./offers.ts";
import { PlaceholderKey } from "./placeholder-key.ts";
import { checkedLabels, selectorOf, serverOf } from "./servers.ts";
import { checkedAccess } from "./settings.ts";

export interface HcloudOptions {
  readonly token: string;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where runners may be, the preferred place first; none = anywhere. */
  readonly locations?: readonly string[];
  /** `shared`, `dedicated`; none = any. */
  readonly cpuTypes?: readonly string[];
  /** Of sshd in the golden image; 22 unless given. */
  readonly sshPort?: number;
  /** Longest wait for one answer; 30 s unless given. */
  readonly timeoutMs?: number;
  /** Wait before the first retry; 1 s unless given. */
  readonly retryBaseMs?: number;
  /** First pause between looks at an action; 1 s unless given. */
  readonly pollMs?: number;
  /** Longest wait for an action; 5 min unless given. */
  readonly actionDeadlineMs?: number;
  /** How long a list of types is believed; 60 s unless given. */
  readonly offersForMs?: number;
  /** How long an offer that was not to be had is left out; 5 min unless given. */
  readonly unavailableForMs?: number;
}

const HOST_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ID = /^[1-9]\d{0,14}$/;
const MINUTE_MS = 60_000;

export function hcloudProvider(options: HcloudOptions): Provider {
  const { clock, random, logger } = options;
  const { token, endpoint } = checkedAccess(options.token, options.endpoint);
  const timing = { timeoutMs: options.timeoutMs ?? 30_000, retryBaseMs: options.retryBaseMs ?? 1000 };
  const client = new HcloudClient({ token, endpoint, clock, random, logger, ...timing });
  const deadlineMs = options.actionDeadlineMs ?? 5 * MINUTE_MS;
  const actions = new ActionWaiter({ client, clock, logger, pollMs: options.pollMs ?? 1000, deadlineMs });
  const key = new PlaceholderKey(client);
  const unavailable = new Unavailable(clock, options.unavailableForMs ?? 5 * MINUTE_MS);
  const login = { port: options.sshPort ?? 22, user: "root" };
  const nowS = (): number => Math.floor(clock.nowMs() / 1000);
  const rules = { locations: options.locations ?? [], cpuTypes: options.cpuTypes ?? ["shared"] };
  let types: { readonly list: readonly ServerType[]; readonly untilMs: number } | undefined;

  const destroy = async (id: string, signal: AbortSignal): Promise<void> => {
    const path = `/servers/${checkedId(id)}`;
    const answer = await client.askIfThere({ method: "DELETE", path }, oneActionSchema, signal);
    if (answer === undefined) return;
    const [end] = await actions.wait([answer.action], signal);
    if (end === "gone" || (typeof end === "object" && end.status === "success")) return;
    // The action failed, or takes for ever: what counts is whether the server is there.
    if ((await client.askIfThere({ method: "GET", path }, oneServerSchema, signal)) === undefined) return;
    if (end === "late" || end === undefined)
      throw new TriplaneError("provider_busy", `server ${id} is still there long after its deletion was asked for`);
    throw actionFailure(`the deletion of server ${id}`, end);
  };

  /** Makes the server that is half made go away, and throws why. */
  const giveUp = async (server: number, failed: Action, signal: AbortSignal): Promise<never> => {
    const failure = actionFailure(`the creation of server ${server}`, failed);
    try {
      await destroy(String(server), signal);
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
  };

  const ask = async (spec: ServerSpec, userData: string, signal: AbortSignal) => {
    const body = {
      ...{ name: spec.name, server_type: spec.offer.type, location: spec.offer.location, image: Number(checkedId(spec.image)) },
      ...{ ssh_keys: [await key.id(signal)], user_data: userData, labels: checkedLabels(spec.labels), start_after_create: true },
      public_net: { enable_ipv4: true, enable_ipv6: true },
    };
    return await client.ask({ method: "POST", path: "/servers", body }, createdServerSchema, signal);
  };

  const create = async (spec: ServerSpec, signal: AbortSignal): Promise<Server> => {
    if (!HOST_NAME.test(spec.name)) throw new TriplaneError("provider_failed", `${JSON.stringify(spec.name)} is not a host name`);
    const userData = runnerUserData({ ...spec, nowS: nowS() });
    let made: Awaited<ReturnType<typeof ask>>;
    try {
      made = await ask(spec, userData, signal);
    } catch (error) {
      const failure = toTriplaneError(error, "provider_failed");
      if (failure.code === "provider_unavailable") unavailable.remember(spec.offer);
      if (failure.code === "provider_failed") key.forget();
      throw failure;
    }
    const { id } = made.server;
    logger.info({ server: id, name: spec.name, type: spec.offer.type, location: spec.offer.location }, "a server was made");
    const ends = await actions.wait([made.action, ...made.next_actions], signal);
    const failed = ends.find((end) => typeof end === "object" && end.status === "error");
    if (typeof failed === "object") return await giveUp(id, failed, signal);
    if (ends.includes("late"))
      throw new TriplaneError("provider_unknown_outcome", `server ${id} is not started after ${deadlineMs / 1000} s`);
    const there = await client.askIfThere({ method: "GET", path: `/servers/${id}` }, oneServerSchema, signal).catch((error: unknown) => {
      throw new TriplaneError("provider_unknown_outcome", `server ${id} was made and cannot be looked at`, { cause: error });
    });
    if (there === undefined) throw new TriplaneError("provider_failed", `server ${id} is gone right after it was made`);
    return serverOf(there.server, login, nowS());
  };

  return {
    capabilities: { name: "hcloud", currency: "EUR", billing: "hour" },
    create,
    destroy,
    budget: () => client.budget(),
    async offers(signal) {
      if (types === undefined || types.untilMs <= clock.nowMs()) {
        const list = await client.list("/server_types", "server_types", serverTypeSchema, [], signal);
        types = { list, untilMs: clock.nowMs() + (options.offersForMs ?? MINUTE_MS) };
      }
      return unavailable.without(offersOf(types.list, rules));
    },
    async find(name, signal) {
      if (!HOST_NAME.test(name)) throw new TriplaneError("provider_failed", `${JSON.stringify(name)} is not a host name`);
      const servers = await client.list("/servers", "servers", serverSchema, [["name", name]], signal);
      const server = servers.find((each) => each.name === name);
      return server === undefined ? undefined : serverOf(server, login, nowS());
    },
    async list(pool, signal) {
      const query = [
        ["label_selector", selectorOf({ "managed-by": "triplane", pool })],
        ["sort", "id:asc"],
      ] as const;
      const servers = await client.list("/servers", "servers", serverSchema, query, signal);
      return servers.map((server) => serverOf(server, login, nowS()));
    },
    async images(labels, signal) {
      const query = [
        ...([
          ["type", "snapshot"],
          ["status", "available"],
          ["sort", "created:desc"],
        ] as const),
        ...(Object.keys(labels).length === 0 ? [] : [["label_selector", selectorOf(labels)] as const]),
      ];
      const images = await client.list("/images", "images", imageSchema, query, signal);
      return images
        .filter(({ status, type }) => status === "available" && type === "snapshot")
        .map(imageOf)
        .sort((a, b) => b.createdAtS - a.createdAtS);
    },
  };
}

export function imageOf(image: ApiImage): Image {
  const platform = image.architecture === "x86" ? "linux/amd64" : "linux/arm64";
  return { id: String(image.id), createdAtS: image.created ?? 0, labels: image.labels, platform };
}

function actionFailure(what: string, action: Action): TriplaneError {
  const { code, message } = action.error ?? { code: "action_failed", message: "no reason given" };
  const meaning = meaningOf(code, message);
  // The action has ended: nothing about it is unknown.
  const failure = meaning === "unknown" ? "provider_failed" : failureCodeOf(meaning, true);
  return new TriplaneError(failure, `${what} failed: ${message} (${code})`, { details: { api_code: code, action: action.id } });
}

function checkedId(id: string): string {
  if (!ID.test(id)) throw new TriplaneError("provider_failed", `${JSON.stringify(id.slice(0, 40))} is not an id of Hetzner Cloud`);
  return id;
}
