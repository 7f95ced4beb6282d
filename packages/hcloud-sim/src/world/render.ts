// The API's JSON of everything in the world. There is no `datacenter` anywhere: it was removed from the API.
import {
  CURRENCY,
  IMAGE_GB_MONTH,
  type LocationEntry,
  locationNamed,
  monthly,
  price,
  SERVER_TYPES,
  type TypeEntry,
  typeNamed,
  VAT_RATE,
} from "./catalogue.ts";
import type { SimAction, SimImage, SimServer, SimSshKey } from "./types.ts";
import type { World, WorldOptions } from "./world.ts";

type Market = WorldOptions["market"];

export function renderServer(server: SimServer, world: World, market: Market): unknown {
  const type = typeNamed(server.serverType);
  const location = locationNamed(server.location);
  const image = world.state.images.find(({ id }) => id === server.imageId);
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    created: time(server.createdMs),
    public_net: {
      ipv4:
        server.ipv4 === undefined ? null : { id: server.id, ip: server.ipv4, blocked: false, dns_ptr: `static.${server.ipv4}.sim.invalid` },
      ipv6: server.ipv6 === undefined ? null : { id: server.id, ip: server.ipv6, blocked: false, dns_ptr: [] },
      floating_ips: [],
      firewalls: [],
    },
    private_net: [],
    server_type: type === undefined ? null : renderType(type, market),
    included_traffic: 21990232555520,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    backup_window: null,
    rescue_enabled: false,
    iso: null,
    locked: world.actions.isBusy(server.id),
    location: location === undefined ? null : renderLocation(location),
    image: image === undefined ? null : renderImage(image),
    protection: server.protection,
    labels: server.labels,
    volumes: [],
    primary_disk_size: type?.diskGb ?? 0,
    placement_group: null,
    load_balancers: [],
  };
}

export function renderAction(action: SimAction, nowMs: number): unknown {
  const done = action.finishedMs !== undefined;
  const share = action.durationMs === 0 ? 1 : (nowMs - action.startedMs) / action.durationMs;
  return {
    id: action.id,
    command: action.command,
    status: !done ? "running" : action.failure === undefined ? "success" : "error",
    progress: done ? 100 : Math.max(0, Math.min(95, Math.floor(share * 100))),
    started: time(action.startedMs),
    finished: action.finishedMs === undefined ? null : time(action.finishedMs),
    resources: action.resources,
    error: done && action.failure !== undefined ? action.failure : null,
  };
}

export function renderImage(image: SimImage): unknown {
  return {
    id: image.id,
    type: image.type,
    status: image.status,
    name: image.name ?? null,
    description: image.description,
    image_size: image.imageSizeGb ?? null,
    disk_size: image.diskSizeGb,
    created: time(image.createdMs),
    created_from: image.createdFrom ?? null,
    bound_to: null,
    os_flavor: image.osFlavor,
    os_version: image.osVersion ?? null,
    architecture: image.architecture,
    rapid_deploy: image.type === "system",
    protection: { delete: image.protectedFromDelete },
    deprecated: null,
    deleted: null,
    labels: image.labels,
  };
}

export function renderSshKey(key: SimSshKey): unknown {
  const { id, name, fingerprint, labels } = key;
  return { id, name, fingerprint, public_key: key.publicKey, labels, created: time(key.createdMs) };
}

export function renderLocation({ id, name, description, country, city, latitude, longitude, zone }: LocationEntry): unknown {
  return { id, name, description, country, city, latitude, longitude, network_zone: zone };
}

export function renderType(type: TypeEntry, market: Market): unknown {
  return {
    ...{ id: type.id, name: type.name, description: type.description, category: type.category, cores: type.cores },
    ...{ memory: type.memoryGb, disk: type.diskGb, storage_type: "local", cpu_type: type.cpuType, architecture: type.architecture },
    deprecated: type.deprecation !== undefined,
    deprecation: renderDeprecation(type),
    prices: type.locations.map((location) => ({
      location,
      price_hourly: price(type.hourly),
      price_monthly: price(monthly(type.hourly)),
      included_traffic: 21990232555520,
      price_per_tb_traffic: price(1),
    })),
    locations: type.locations.map((name) => {
      const state = market(type, name);
      return {
        ...{ id: locationNamed(name)?.id, name, available: state === "available", recommended: state === "available" },
        deprecation: renderDeprecation(type) ?? (state === "deprecated" ? JUST_DEPRECATED : null),
      };
    }),
  };
}

const JUST_DEPRECATED = { announced: "2026-01-01T00:00:00+00:00", unavailable_after: "2026-04-01T00:00:00+00:00" };

function renderDeprecation({ deprecation }: TypeEntry): unknown {
  return deprecation === undefined ? null : { announced: deprecation.announced, unavailable_after: deprecation.unavailableAfter };
}

export function renderPricing(): unknown {
  return {
    currency: CURRENCY,
    vat_rate: VAT_RATE.toFixed(10),
    image: { price_per_gb_month: price(IMAGE_GB_MONTH) },
    server_types: SERVER_TYPES.map((type) => ({
      id: type.id,
      name: type.name,
      prices: type.locations.map((location) => ({
        location,
        price_hourly: price(type.hourly),
        price_monthly: price(monthly(type.hourly)),
      })),
    })),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "+00:00");
}
