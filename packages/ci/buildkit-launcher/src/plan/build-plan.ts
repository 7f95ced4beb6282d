// What will be done, as a value that can be printed before it is done. Pure.
import type { Platform, Sizing } from "@triplane/contract";
import type { BuildSettings } from "../config.ts";
import type { Gathered } from "../gather.ts";
import { checkNames, imageNames } from "./buildctl.ts";
import { type Size, sizeOf } from "./size.ts";

export interface BuildPlan {
  readonly build_id: string;
  readonly repo: string;
  readonly target: string;
  readonly platforms: readonly Platform[];
  /** With the registry where it is known before the lease is there. */
  readonly images: readonly string[];
  /** Name of the cache's tag below cache/; absent where there is none. */
  readonly cache_key?: string;
  readonly size: Size;
  readonly context: string;
  readonly dockerfile: string;
  readonly ignore_file?: string;
  /** Names only. */
  readonly build_args: readonly string[];
  readonly secrets: readonly string[];
  readonly tenant: string;
  readonly ttl_s: number;
  /** What was found and means nothing here. */
  readonly warnings: readonly string[];
}

/** Where the registry is named by the pool. */
const LATER = "<registry of the pool>";

/** Throws `config_invalid` for a tag or a build argument's name that is none. */
export function planBuild(settings: BuildSettings, gathered: Gathered, sizing: Sizing | undefined, buildId: string): BuildPlan {
  const { repo, target, platforms, tags, tenant, ttlS, registry } = settings;
  const cacheKey = settings.noCache ? undefined : (settings.cacheKey ?? cacheKeyOf(target, platforms));
  checkNames({ buildArgs: gathered.buildArgs, cacheKey });
  return {
    ...{ build_id: buildId, repo, target, platforms, tenant, ttl_s: ttlS },
    images: imageNames({ registry: registry ?? LATER, repo, tags }),
    ...(cacheKey === undefined ? {} : { cache_key: cacheKey }),
    size: sizeOf(gathered.spec, sizing),
    ...{ context: gathered.contextFolder, dockerfile: gathered.dockerfile },
    ...(gathered.ignoreFile === undefined ? {} : { ignore_file: gathered.ignoreFile }),
    build_args: Object.keys(gathered.buildArgs),
    secrets: gathered.secrets.map(({ id }) => id),
    warnings: (gathered.spec?.unknown ?? []).map((name) => `.build-spec.ncl: ${name} means nothing here`),
  };
}

/** Builds of another target or platform share no layers worth the name: each has a cache of its own. */
function cacheKeyOf(target: string, platforms: readonly Platform[]): string {
  const architectures = platforms.map((platform) => platform.replace(/^linux\//, "")).join("-");
  return `${target === "" ? "default" : target.replaceAll(/[^A-Za-z0-9_.-]/g, "-")}-${architectures}`;
}

export function renderPlan(plan: BuildPlan): string {
  const rows: readonly (readonly [string, string])[] = [
    ["build", plan.build_id],
    ...plan.images.map((image) => ["image", image] as const),
    ["size", `${plan.size.tier} (${plan.size.reason})`],
    ["platform", plan.platforms.join(", ")],
    ...(plan.target === "" ? [] : [["target", plan.target] as const]),
    ["context", plan.context],
    ["dockerfile", plan.dockerfile],
    ...(plan.ignore_file === undefined ? [] : [["left out by", plan.ignore_file] as const]),
    ["cache", plan.cache_key === undefined ? "none" : `cache/${plan.repo}:${plan.cache_key}`],
    ...(plan.build_args.length === 0 ? [] : [["arguments", plan.build_args.join(", ")] as const]),
    ...(plan.secrets.length === 0 ? [] : [["secrets", plan.secrets.join(", ")] as const]),
    ["longest time", `${plan.ttl_s} s`],
    ...plan.warnings.map((text) => ["warning", text] as const),
  ];
  return rows.map(([name, value]) => `${name.padEnd(13)} ${value}`).join("\n");
}
