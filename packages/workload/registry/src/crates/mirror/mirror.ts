// Puts crates that cargo has downloaded into our registry, byte for byte: what a lock file names can then be had without its own registry.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { indexPath } from "../names.ts";
import { type DownloadedCrate, readDownloaded } from "./cargo-home.ts";
import type { LockedCrate } from "./cargo-lock.ts";

export interface MirrorOptions {
  /** Of the gateway. */
  readonly origin: string;
  /** A token or a credential's secret that may publish. */
  readonly token: string;
  readonly cargoHome: string;
  readonly signal: AbortSignal;
  onCrate(result: MirrorResult): void;
}

export interface MirrorResult {
  readonly name: string;
  readonly version: string;
  readonly outcome: "published" | "there" | "failed";
  /** Why it failed. */
  readonly why?: string;
}

const strings = z.array(z.string());
const lineSchema = z.object({
  name: z.string(),
  vers: z.string(),
  cksum: z.string(),
  deps: z.array(
    z.object({
      name: z.string(),
      req: z.string(),
      features: strings.default([]),
      optional: z.boolean().default(false),
      default_features: z.boolean().default(true),
      target: z.string().nullish(),
      kind: z.enum(["normal", "dev", "build"]).nullish(),
      registry: z.string().nullish(),
      package: z.string().nullish(),
    }),
  ),
  features: z.record(z.string(), strings).default({}),
  features2: z.record(z.string(), strings).nullish(),
  links: z.string().nullish(),
  rust_version: z.string().nullish(),
});

/** One after the other; one that fails does not stop the rest. Throws `unavailable` where the registry does not answer at all. */
export async function mirrorCrates(crates: readonly LockedCrate[], options: MirrorOptions): Promise<MirrorResult[]> {
  const results: MirrorResult[] = [];
  for (const locked of crates) {
    options.signal.throwIfAborted();
    const { name, version } = locked;
    const ended = await mirrorOne(locked, options);
    const result: MirrorResult =
      typeof ended === "string" ? { name, version, outcome: ended } : { name, version, outcome: "failed", why: ended.why };
    options.onCrate(result);
    results.push(result);
  }
  return results;
}

async function mirrorOne(locked: LockedCrate, options: MirrorOptions): Promise<"published" | "there" | { readonly why: string }> {
  const there = await checksumThere(locked, options);
  if (there === locked.checksum) return "there";
  if (there !== undefined) return { why: "the registry has this version with another checksum" };
  const found = await readDownloaded(options.cargoHome, locked);
  if (typeof found === "string") return { why: found };
  const body = bodyOf(found);
  const answer = await ask(options, "api/v1/crates/new", { method: "PUT", body: Buffer.from(body) });
  const text = await answer.text();
  return answer.status === 200 ? "published" : { why: `the registry answered ${answer.status}: ${text.slice(0, 500)}` };
}

async function checksumThere({ name, version }: LockedCrate, options: MirrorOptions): Promise<string | undefined> {
  const answer = await ask(options, `index/${indexPath(name)}`, {});
  const text = await answer.text();
  if (answer.status === 404) return undefined;
  if (answer.status !== 200)
    throw new TriplaneError(answer.status === 401 ? "unauthorized" : "forbidden", `the registry answered ${answer.status}`);
  const line = text.split("\n").find((each) => each.includes(`"vers":${JSON.stringify(version)}`));
  return line === undefined ? undefined : lineSchema.parse(JSON.parse(line)).cksum;
}

async function ask({ origin, token, signal }: MirrorOptions, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${origin}/crates/${path}`, { ...init, headers: { authorization: token }, redirect: "error", signal });
  } catch (cause) {
    throw new TriplaneError("unavailable", `the registry at ${origin} does not answer`, { cause });
  }
}

/** The body of `cargo publish`, from the line of the index that it became once. */
function bodyOf({ crate, line }: DownloadedCrate): Uint8Array {
  const { name, vers, deps, features, features2, links, rust_version } = lineSchema.parse(JSON.parse(line));
  const metadata = {
    ...{ name, vers, links: links ?? null, rust_version: rust_version ?? null },
    features: { ...features, ...features2 },
    deps: deps.map((dep) => ({
      name: dep.package ?? dep.name,
      version_req: dep.req,
      features: dep.features,
      optional: dep.optional,
      default_features: dep.default_features,
      target: dep.target ?? null,
      kind: dep.kind ?? "normal",
      registry: dep.registry ?? null,
      explicit_name_in_toml: dep.package == null ? null : dep.name,
    })),
  };
  const json = Buffer.from(JSON.stringify(metadata));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(json.length, 0);
  lengths.writeUInt32LE(crate.length, 4);
  return Buffer.concat([lengths.subarray(0, 4), json, lengths.subarray(4), crate]);
}
