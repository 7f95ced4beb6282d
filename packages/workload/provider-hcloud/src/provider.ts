// Runners from Hetzner Cloud, behind the pool's port.
//
// 1. The token is in the header of calls to the endpoint, and nowhere else.
import { type Clock, type Random, toTriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { Image, Provider } from "@triplane/vm-pool";
import { ActionWaiter } from "./client/actions.ts";
import { type ApiImage, imageSchema, type ServerType, serverSchema, serverTypeSchema } from "./client/answers.ts";
import { HcloudClient } from "./client/client.ts";
import { runnerUserData } from "./cloud-init.ts";
import { checkedId, checkedName, Machines } from "./machines.ts";
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

const MINUTE_MS = 60_000;

/** The client and what is built on it, once for each project. */
export function openProject(options: HcloudOptions) {
  const { clock, random, logger } = options;
  const { token, endpoint } = checkedAccess(options.token, options.endpoint);
  const timing = { timeoutMs: options.timeoutMs ?? 30_000, retryBaseMs: options.retryBaseMs ?? 1000 };
  const client = new HcloudClient({ token, endpoint, clock, random, logger, ...timing });
  const waiting = { client, clock, logger, pollMs: options.pollMs ?? 1000, deadlineMs: options.actionDeadlineMs ?? 5 * MINUTE_MS };
  const actions = new ActionWaiter(waiting);
  const machines = new Machines({ ...waiting, actions, key: new PlaceholderKey(client) });
  return { client, actions, machines };
}

export function hcloudProvider(options: HcloudOptions): Provider {
  const { clock } = options;
  const { client, machines } = openProject(options);
  const unavailable = new Unavailable(clock, options.unavailableForMs ?? 5 * MINUTE_MS);
  const login = { port: options.sshPort ?? 22, user: "root" };
  const nowS = (): number => Math.floor(clock.nowMs() / 1000);
  const rules = { locations: options.locations ?? [], cpuTypes: options.cpuTypes ?? ["shared"] };
  let types: { readonly list: readonly ServerType[]; readonly untilMs: number } | undefined;
  return {
    capabilities: { name: "hcloud", currency: "EUR", billing: "hour" },
    budget: () => client.budget(),
    destroy: (id, signal) => machines.destroy(id, signal),
    async create(spec, signal) {
      const { name, offer } = spec;
      const userData = runnerUserData({ ...spec, nowS: nowS() });
      const wish = { name, type: offer.type, location: offer.location, image: Number(checkedId(spec.image)), userData };
      try {
        const made = await machines.make({ ...wish, labels: { ...checkedLabels(spec.labels) } }, signal);
        return serverOf(made, login, nowS());
      } catch (error) {
        if (toTriplaneError(error).code === "provider_unavailable") unavailable.remember(offer);
        throw toTriplaneError(error, "provider_failed");
      }
    },
    async offers(signal) {
      if (types === undefined || types.untilMs <= clock.nowMs()) {
        const list = await client.list("/server_types", "server_types", serverTypeSchema, [], signal);
        types = { list, untilMs: clock.nowMs() + (options.offersForMs ?? MINUTE_MS) };
      }
      return unavailable.without(offersOf(types.list, rules));
    },
    async find(name, signal) {
      const servers = await client.list("/servers", "servers", serverSchema, [["name", checkedName(name)]], signal);
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
