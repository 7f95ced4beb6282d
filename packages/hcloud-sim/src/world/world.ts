// The simulated project: its servers, images, keys and actions, and what may be done with them. No clock, no network.
//
// 1. Names of servers and of SSH keys are unique in the project.
// 2. Time only comes in as an argument; `advance` brings everything up to it.
import { createHash } from "node:crypto";
import { ApiError, invalid, notFound } from "../api/error.ts";
import { type ActionPlan, Actions, CREATE_FROM_SNAPSHOT_MS } from "./actions.ts";
import { locationNamed, STOCK_IMAGES, type TypeEntry, typeNamed } from "./catalogue.ts";
import { type Labels, labelsProblem } from "./labels.ts";
import type { ActionCommand, Effect, SimAction, SimImage, SimServer, SimSshKey, WorldState } from "./types.ts";

export interface WorldOptions {
  readonly state?: WorldState;
  readonly speed: number;
  /** What faults do to an action. */
  readonly plan: (command: ActionCommand, server: SimServer | undefined) => ActionPlan;
  /** Whether a type can be had at a place now. */
  readonly market: (type: TypeEntry, location: string) => "available" | "sold-out" | "deprecated" | "not-sold";
  /** Something real is started behind servers. */
  readonly backed: boolean;
  /** Most servers of the project. */
  readonly serverLimit: number;
}

export interface ServerWish {
  readonly name: string;
  readonly server_type: number | string;
  readonly image: number | string;
  readonly location?: number | string | undefined;
  readonly ssh_keys: readonly (number | string)[];
  readonly user_data: string;
  readonly labels: Labels;
  readonly start_after_create: boolean;
  readonly enable_ipv4: boolean;
  readonly enable_ipv6: boolean;
}

export interface CreatedServer {
  readonly server: SimServer;
  readonly action: SimAction;
  readonly nextActions: readonly SimAction[];
}

const HOST_NAME = /^(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
export const MAX_USER_DATA_BYTES = 32 * 1024;
const FIRST_ADDRESS = (198 << 24) | (18 << 16) | 10;

export class World {
  readonly state: WorldState;
  readonly actions: Actions;
  readonly #options: WorldOptions;
  readonly #effects: Effect[] = [];

  constructor(options: WorldOptions, nowMs: number) {
    this.#options = options;
    this.state = options.state ?? freshState(nowMs);
    this.actions = new Actions(this.state, { speed: options.speed, plan: options.plan, effects: this.#effects, backed: options.backed });
  }

  advance(nowMs: number): void {
    this.actions.advance(nowMs);
  }

  /** What has to be done outside since the last call. */
  takeEffects(): Effect[] {
    return this.#effects.splice(0);
  }

  server(id: number): SimServer {
    const server = this.state.servers.find((each) => each.id === id);
    if (server === undefined) throw notFound("server", id);
    return server;
  }

  image(id: number): SimImage {
    const image = this.state.images.find((each) => each.id === id);
    if (image === undefined) throw notFound("image", id);
    return image;
  }

  sshKey(id: number): SimSshKey {
    const key = this.state.sshKeys.find((each) => each.id === id);
    if (key === undefined) throw notFound("ssh_key", id);
    return key;
  }

  createServer(wish: ServerWish, nowMs: number): CreatedServer {
    if (!HOST_NAME.test(wish.name)) throw invalid("name", "must be a valid hostname as per RFC 1123");
    checkLabels(wish.labels);
    if (Buffer.byteLength(wish.user_data) > MAX_USER_DATA_BYTES) throw invalid("user_data", "must not be larger than 32KiB");
    const type = typeNamed(wish.server_type);
    if (type === undefined) throw invalid("server_type", `server type ${wish.server_type} not found`);
    const location = locationNamed(wish.location ?? type.locations[0] ?? "fsn1");
    if (location === undefined) throw invalid("location", `location ${wish.location} not found`);
    const image = this.#imageFor(wish.image, type);
    const sshKeys = wish.ssh_keys.map((wanted) => this.#keyNamed(wanted));
    if (this.state.servers.some(({ name }) => name === wish.name)) throw nameTaken("server name is already used");
    this.#mustBeOnSale(type, location.name);
    if (this.state.servers.length >= this.#options.serverLimit) {
      throw new ApiError("resource_limit_exceeded", "server limit exceeded", { details: { limits: [{ name: "server_limit" }] } });
    }
    const id = this.state.nextId++;
    const server: SimServer = {
      ...{ id, name: wish.name, status: "initializing", createdMs: nowMs, serverType: type.name, location: location.name },
      ...{ imageId: image.id, userData: wish.user_data, labels: wish.labels, sshKeyIds: sshKeys.map((key) => key.id) },
      ipv4: wish.enable_ipv4 ? addressOf(id) : undefined,
      ipv6: wish.enable_ipv6 ? `2001:db8:${id.toString(16)}::/64` : undefined,
      protection: { delete: false, rebuild: false },
      offAtMs: undefined,
    };
    this.state.servers.push(server);
    const resources = [{ id, type: "server" as const }];
    const slow = image.type === "snapshot" ? { durationMs: CREATE_FROM_SNAPSHOT_MS } : {};
    const action = this.actions.begin({ command: "create_server", resources, ...slow }, nowMs);
    if (!wish.start_after_create) return { server, action, nextActions: [] };
    const start = { command: "start_server", resources, after: action.id, waitsForBacker: this.#options.backed } as const;
    return { server, action, nextActions: [this.actions.begin(start, nowMs)] };
  }

  deleteServer(id: number, nowMs: number): SimAction {
    const server = this.server(id);
    if (server.protection.delete) throw new ApiError("protected", "server deletion is protected");
    if (server.status === "deleting") throw new ApiError("locked");
    this.actions.cancel(id, nowMs);
    return this.actions.begin({ command: "delete_server", resources: [{ id, type: "server" }] }, nowMs);
  }

  /** Power, reboot, and what else needs nothing but the server. */
  serverAction(
    id: number,
    command: "start_server" | "stop_server" | "shutdown_server" | "reboot_server" | "reset_server",
    nowMs: number,
  ): SimAction {
    this.#unlocked(id);
    const waitsForBacker = this.#options.backed && command !== "stop_server" && command !== "shutdown_server";
    return this.actions.begin({ command, resources: [{ id, type: "server" }], waitsForBacker }, nowMs);
  }

  rebuild(id: number, wanted: number | string, userData: string | undefined, nowMs: number): SimAction {
    const server = this.#unlocked(id);
    if (server.protection.rebuild) throw new ApiError("protected", "server rebuild is protected");
    const type = typeNamed(server.serverType);
    if (type === undefined) throw invalid("server_type", "unknown");
    server.imageId = this.#imageFor(wanted, type).id;
    if (userData !== undefined) server.userData = userData;
    const resources = [{ id, type: "server" as const }];
    return this.actions.begin({ command: "rebuild_server", resources, waitsForBacker: this.#options.backed }, nowMs);
  }

  createImage(id: number, description: string, labels: Labels, nowMs: number): { image: SimImage; action: SimAction } {
    const server = this.#unlocked(id);
    checkLabels(labels);
    const type = typeNamed(server.serverType);
    const base = this.state.images.find((each) => each.id === server.imageId);
    const image: SimImage = {
      ...{ id: this.state.nextId++, type: "snapshot", name: undefined, description, status: "creating", createdMs: nowMs },
      ...{ createdFrom: { id, name: server.name }, imageSizeGb: undefined, diskSizeGb: type?.diskGb ?? 0 },
      ...{ architecture: type?.architecture ?? "x86", osFlavor: base?.osFlavor ?? "unknown", osVersion: base?.osVersion, labels },
      protectedFromDelete: false,
    };
    this.state.images.push(image);
    const resources = [{ id, type: "server" } as const, { id: image.id, type: "image" } as const];
    return { image, action: this.actions.begin({ command: "create_image", resources }, nowMs) };
  }

  deleteImage(id: number): void {
    const image = this.image(id);
    if (image.type === "system") throw new ApiError("forbidden", "system images cannot be deleted");
    if (image.protectedFromDelete) throw new ApiError("protected", "image deletion is protected");
    this.state.images = this.state.images.filter((each) => each !== image);
  }

  createSshKey(name: string, publicKey: string, labels: Labels, nowMs: number): SimSshKey {
    checkLabels(labels);
    const body = /^(?:ssh-[a-z0-9-]+|ecdsa-[a-z0-9-]+) ([A-Za-z0-9+/]+=*)(?: .*)?$/.exec(publicKey.trim())?.[1];
    if (body === undefined) throw invalid("public_key", "is not a valid SSH public key");
    const digest = createHash("md5").update(Buffer.from(body, "base64")).digest("hex");
    const fingerprint = (digest.match(/../g) ?? []).join(":");
    if (this.state.sshKeys.some((key) => key.name === name)) throw nameTaken("SSH key with the same name already exists");
    if (this.state.sshKeys.some((key) => key.fingerprint === fingerprint))
      throw nameTaken("SSH key with the same fingerprint already exists", "public_key");
    const key: SimSshKey = { id: this.state.nextId++, name, fingerprint, publicKey: publicKey.trim(), labels, createdMs: nowMs };
    this.state.sshKeys.push(key);
    return key;
  }

  rename(thing: SimServer | SimSshKey, name: string): void {
    const others: readonly { readonly name: string }[] = "status" in thing ? this.state.servers : this.state.sshKeys;
    if ("status" in thing && !HOST_NAME.test(name)) throw invalid("name", "must be a valid hostname as per RFC 1123");
    if (others.some((each) => each !== thing && each.name === name)) throw nameTaken("name is already used");
    thing.name = name;
  }

  #unlocked(id: number): SimServer {
    const server = this.server(id);
    if (this.actions.isBusy(id)) throw new ApiError("locked");
    return server;
  }

  #mustBeOnSale(type: TypeEntry, location: string): void {
    switch (this.#options.market(type, location)) {
      case "available":
        return;
      case "not-sold":
        throw new ApiError("invalid_input", "unsupported location for server type");
      case "deprecated":
        throw new ApiError("invalid_server_type", `server type ${type.name} is deprecated and can not be ordered any more`);
      case "sold-out":
        throw new ApiError("resource_unavailable");
    }
  }

  #imageFor(wanted: number | string, type: TypeEntry): SimImage {
    const image = this.state.images.find(
      ({ id, name, architecture }) => String(id) === String(wanted) || (name === wanted && architecture === type.architecture),
    );
    if (image === undefined) throw invalid("image", `image ${wanted} not found`);
    if (image.status !== "available") throw invalid("image", `image ${wanted} is not available`);
    if (image.architecture !== type.architecture) throw invalid("image", "image and server type have different architectures");
    if (image.diskSizeGb > type.diskGb) throw invalid("image", "image disk is bigger than server type disk");
    return image;
  }

  #keyNamed(wanted: number | string): SimSshKey {
    const key = this.state.sshKeys.find(({ id, name }) => String(id) === String(wanted) || name === wanted);
    if (key === undefined) throw invalid("ssh_keys", `SSH key ${wanted} not found`);
    return key;
  }
}

export function checkLabels(labels: Labels): void {
  const problem = labelsProblem(labels);
  if (problem !== undefined) throw invalid("labels", problem);
}

function nameTaken(message: string, field = "name"): ApiError {
  return new ApiError("uniqueness_error", message, { details: { fields: [{ name: field }] } });
}

function addressOf(id: number): string {
  const address = FIRST_ADDRESS + (id % 130_000);
  return [24, 16, 8, 0].map((bits) => (address >>> bits) & 255).join(".");
}

function freshState(nowMs: number): WorldState {
  const architectures = ["x86", "arm"] as const;
  const images = STOCK_IMAGES.flatMap((stock, index) =>
    architectures.map(
      (architecture, which): SimImage => ({
        ...{ id: 1 + index * 2 + which, type: "system", name: stock.name, description: stock.description, status: "available" },
        ...{ createdMs: nowMs, createdFrom: undefined, imageSizeGb: undefined, diskSizeGb: 5, architecture },
        ...{ osFlavor: stock.osFlavor, osVersion: stock.osVersion, labels: {}, protectedFromDelete: false },
      }),
    ),
  );
  return { version: 1, nextId: 1000, servers: [], images, sshKeys: [], actions: [] };
}
