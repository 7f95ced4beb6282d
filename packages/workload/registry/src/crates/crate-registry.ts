// The crates of one registry: published once, never changed, yanked and unyanked; each version an artifact in zot.
//
// 1. A version that is there stays as it is. Writers of one crate wait for each other here, so one gateway serves /crates of one zot.
// 2. Nothing is kept but in zot: what is in memory is a copy of it, and a new gateway reads it again.
// 3. The artifact's config is the version's line of the index, its layer the .crate; whether it is yanked is an annotation.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { TriplaneError } from "@triplane/contract";
import type { ArtifactStore, Descriptor, Manifest } from "./artifact-store.ts";
import { type IndexEntry, indexEntry, indexEntrySchema, renderIndex } from "./index-entry.ts";
import { crateRepository, foldedName, tagOfVersion, withoutBuild } from "./names.ts";
import type { PublishBody } from "./publish-body.ts";

const ARTIFACT_TYPE = "application/vnd.triplane.crate.v1";
const CONFIG_TYPE = "application/vnd.triplane.crate.index.v1+json";
const CRATE_TYPE = "application/vnd.triplane.crate.file.v1+gzip";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const YANKED = "dev.triplane.crate.yanked";
const NAME = "org.opencontainers.image.title";
const VERSION = "org.opencontainers.image.version";
const MAX_REMEMBERED = 10_000;
/** Manifests that are read at once, when a crate is read for the first time. */
const AT_ONCE = 16;

interface Version {
  readonly entry: IndexEntry;
  readonly manifest: Manifest;
  readonly yanked: boolean;
}

/** A crate's file in the index. */
export interface IndexFile {
  readonly text: string;
  readonly etag: string;
}

interface Crate extends IndexFile {
  readonly versions: ReadonlyMap<string, Version>;
}

export class CrateRegistry {
  readonly #store: ArtifactStore;
  /** By folded name; a promise, so that many who ask at once are one question. */
  readonly #known = new Map<string, Promise<Crate>>();
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** The crate's file in the index, or undefined where there is no crate of exactly this name (but for case). */
  async index(name: string): Promise<IndexFile | undefined> {
    const crate = await this.#crate(name);
    return nameOf(crate)?.toLowerCase() === name.toLowerCase() ? crate : undefined;
  }

  /** The .crate file of a version, with its size. Throws `not_found`. */
  async download(name: string, vers: string): Promise<{ readonly content: Readable; readonly sizeBytes: number }> {
    const { manifest } = await this.#version(name, vers);
    const layer = fileOf(manifest);
    return { content: await this.#store.openBlob(crateRepository(name), layer), sizeBytes: layer.size };
  }

  /** Throws `crate_exists`, or `crate_invalid` where another crate has a name that cargo takes for this one. */
  publish(body: PublishBody): Promise<void> {
    const { name, vers } = body.metadata;
    return this.#alone(name, async () => {
      const crate = await this.#crate(name);
      const taken = nameOf(crate);
      if (taken !== undefined && taken !== name)
        throw new TriplaneError("crate_invalid", `${name} would be mistaken for the crate ${taken}`);
      const same = [...crate.versions.keys()].find((there) => withoutBuild(there) === withoutBuild(vers));
      if (same !== undefined) throw new TriplaneError("crate_exists", `${name} ${same} is published already`);
      const entry = indexEntry(body.metadata, body.cksum);
      const repository = crateRepository(name);
      const file = await this.#store.putBlob(repository, CRATE_TYPE, body.crate);
      const config = await this.#store.putBlob(repository, CONFIG_TYPE, Buffer.from(JSON.stringify(entry)));
      await this.#store.putManifest(repository, tagOfVersion(vers), manifestOf(entry, config, file, false));
    });
  }

  /** Idempotent. Throws `not_found`. */
  setYanked(name: string, vers: string, yanked: boolean): Promise<void> {
    return this.#alone(name, async () => {
      const { entry, manifest } = await this.#version(name, vers);
      const next = manifestOf(entry, manifest.config, fileOf(manifest), yanked);
      await this.#store.putManifest(crateRepository(name), tagOfVersion(vers), next);
    });
  }

  async #version(name: string, vers: string): Promise<Version> {
    const crate = await this.#crate(name);
    const version = crate.versions.get(vers);
    if (version === undefined || version.entry.name !== name) throw new TriplaneError("not_found", `there is no crate ${name} ${vers}`);
    return version;
  }

  /** One after the other, for all names that cargo takes for one; what is known of the crate is read again afterwards. */
  async #alone(name: string, work: () => Promise<void>): Promise<void> {
    const key = foldedName(name);
    const before = this.#writing.get(key) ?? Promise.resolve();
    const mine = before.then(work, work).finally(() => this.#known.delete(key));
    this.#writing.set(key, mine);
    try {
      await mine;
    } finally {
      if (this.#writing.get(key) === mine) this.#writing.delete(key);
    }
  }

  #crate(name: string): Promise<Crate> {
    const key = foldedName(name);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reading = this.#read(crateRepository(name));
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(key, reading);
    // What does not exist is not remembered: names to ask for are endless. Neither is a failure.
    const forget = (): void => {
      if (this.#known.get(key) === reading) this.#known.delete(key);
    };
    reading.then((crate) => crate.versions.size === 0 && forget(), forget);
    return reading;
  }

  async #read(repository: string): Promise<Crate> {
    const tags = await this.#store.tags(repository);
    const versions: Version[] = [];
    for (let at = 0; at < tags.length; at += AT_ONCE) {
      const some = await Promise.all(tags.slice(at, at + AT_ONCE).map((tag) => this.#readVersion(repository, tag)));
      versions.push(...some.filter((version) => version !== undefined));
    }
    versions.sort((a, b) => (a.entry.vers < b.entry.vers ? -1 : 1));
    const text = renderIndex(versions);
    const etag = `"${createHash("sha256").update(text).digest("hex")}"`;
    return { versions: new Map(versions.map((version) => [version.entry.vers, version])), text, etag };
  }

  async #readVersion(repository: string, tag: string): Promise<Version | undefined> {
    const manifest = await this.#store.manifest(repository, tag);
    if (manifest?.artifactType !== ARTIFACT_TYPE) return undefined;
    const parsed = indexEntrySchema.safeParse(
      JSON.parse(Buffer.from(await this.#store.blob(repository, manifest.config)).toString("utf8")),
    );
    if (!parsed.success || fileOf(manifest).digest !== `sha256:${parsed.data.cksum}`) {
      throw new TriplaneError("registry_backend", `the artifact ${repository}:${tag} is no crate`);
    }
    return { entry: parsed.data, manifest, yanked: manifest.annotations[YANKED] === "true" };
  }
}

function nameOf(crate: Crate): string | undefined {
  for (const { entry } of crate.versions.values()) return entry.name;
  return undefined;
}

function fileOf(manifest: Manifest): Descriptor {
  const layer = manifest.layers[0];
  if (layer === undefined) throw new TriplaneError("registry_backend", "an artifact of a crate has no file");
  return layer;
}

function manifestOf(entry: IndexEntry, config: Descriptor, file: Descriptor, yanked: boolean): Manifest {
  const annotations = { [NAME]: entry.name, [VERSION]: entry.vers, [YANKED]: String(yanked) };
  return { schemaVersion: 2, mediaType: MANIFEST_TYPE, artifactType: ARTIFACT_TYPE, config, layers: [file], annotations };
}
