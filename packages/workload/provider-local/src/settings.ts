// What an administrator may say of runners on this machine.
import { availableParallelism, totalmem } from "node:os";
import { isAbsolute } from "node:path";
import { TIER_SIZES, TIERS, TriplaneError } from "@triplane/contract";
import { type AddressRange, addressRange } from "./machine/addresses.ts";

export interface RunnerSize {
  /** Name of the offer. */
  readonly type: string;
  readonly cpus: number;
  readonly memoryMib: number;
}

export interface LocalSettings {
  /** Absolute; holds a folder for each runner. On a real file system: runners' overlays and BuildKit's lie in it. */
  readonly runnersFolder: string;
  /** Absolute; golden roots. */
  readonly goldenFolder: string;
  /** Private range (RFC 1918), for example 10.201.0.0/24. Its first address is this machine as runners see it. */
  readonly network: string;
  /** Whether the kernel may forward what comes from runners. Off: a runner reaches this machine and nothing else. */
  readonly forward: boolean;
  /** Of all runners together, MiB; undefined = four fifths of the machine's. */
  readonly memoryMib?: number;
  /** Divides the memory that runners really get, to try things out on a small machine: what is offered, and so asked for, stays what a tier promises. 1 unless given. */
  readonly scale?: number;
  /** What is offered; undefined = the tiers that fit. */
  readonly sizes?: readonly RunnerSize[];
  /** Registries that buildkitd speaks plain HTTP with, `host:port`. */
  readonly plainHttpRegistries: readonly string[];
  /** Who logs in is root, as on a machine of a cloud, and not the user `runner`. For rehearsals: root of a runner can become root of the machine. */
  readonly loginAsRoot?: boolean;
}

export interface ResolvedSettings extends LocalSettings {
  readonly range: AddressRange;
  readonly memoryMib: number;
  readonly scale: number;
  readonly sizes: readonly RunnerSize[];
}

const MIB = 1024 * 1024;
/** No comma and no colon, which the kernel reads as something else in the options of an overlay. */
const PLAIN_PATH = /^\/[A-Za-z0-9._/-]{1,200}$/;
const REGISTRY = /^[a-z0-9](?:[a-z0-9.-]{0,252})(?::\d{1,5})?$/;
const TYPE = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
/** sshd and buildkitd need this much beside a build. */
const SMALLEST_MIB = 384;

/** Throws `config_invalid` with every problem. */
export function resolveSettings(settings: LocalSettings): ResolvedSettings {
  const memoryMib = settings.memoryMib ?? Math.floor((totalmem() / MIB) * 0.8);
  const scale = settings.scale ?? 1;
  if (!Number.isInteger(scale) || scale < 1) throw new TriplaneError("config_invalid", `local runners: ${scale} does not divide memory`);
  const sizes = settings.sizes ?? tiersWithin(memoryMib * scale);
  const problems = [
    ...[settings.runnersFolder, settings.goldenFolder]
      .filter((path) => !isAbsolute(path) || !PLAIN_PATH.test(path))
      .map((path) => `${JSON.stringify(path)} is not an absolute path of letters, digits, dots, underscores and hyphens`),
    ...settings.plainHttpRegistries
      .filter((name) => !REGISTRY.test(name))
      .map((name) => `${JSON.stringify(name)} is not a registry's host:port`),
    ...sizes
      .filter(
        ({ type, cpus, memoryMib: size }) =>
          !TYPE.test(type) || !(cpus > 0) || !Number.isInteger(size) || scaledMib(size, scale) < SMALLEST_MIB,
      )
      .map((size) => `${JSON.stringify(size)} is not a size (at least ${SMALLEST_MIB * scale} MiB)`),
  ];
  if (problems.length > 0) throw new TriplaneError("config_invalid", `local runners: ${problems.join("; ")}`);
  return { ...settings, memoryMib, scale, sizes, range: addressRange(settings.network) };
}

/** A tier's memory is kept; of processors a runner has at most what the machine has. */
function tiersWithin(memoryMib: number): readonly RunnerSize[] {
  return TIERS.filter((tier) => TIER_SIZES[tier].memoryMib <= memoryMib).map((tier) => ({
    type: `local-${tier}`,
    cpus: Math.min(TIER_SIZES[tier].cpus, availableParallelism()),
    memoryMib: TIER_SIZES[tier].memoryMib,
  }));
}

/** The limit of a runner's cgroup. */
export function scaledMib(memoryMib: number, scale: number): number {
  return Math.floor(memoryMib / scale);
}

/** What the steps of builds may have: the rest is for sshd and buildkitd. */
export function stepMemoryMib(memoryMib: number): number {
  return memoryMib - Math.min(600, Math.floor(memoryMib / 4));
}
