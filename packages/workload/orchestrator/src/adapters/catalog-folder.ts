// The catalog on disk, and the releases made from it: an instance runs from a copy that no later edit of the catalog changes.
//
// 1. A release is named after the digest of its files and never changes; it appears whole or not at all.
// 2. Only plain files of bounded number and size go into a release; tests stay behind.
import { statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, canonicalJson, type Digest, digestOf, TARGET_PATTERN, TriplaneError } from "@triplane/contract";
import { isErrno, syncFolder, systemClock } from "@triplane/kit";
import { conform, readNickelFile } from "@triplane/nickel";
import type { Catalog, CatalogEntry, Release } from "../catalog/catalog.ts";
import { type ComponentDefinition, componentDefinitionSchema, SECRET_NAME } from "../catalog/definition.ts";

import { folderStamp } from "./folder-stamp.ts";

export const DEFINITION_FILE = "component.ncl";
const MAX_FILES = 500;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_KNOWN = 1000;

export class CatalogFolder implements Catalog {
  readonly #catalogDir: string;
  readonly #releasesDir: string;
  readonly #secretsDir: string;
  readonly #clock: Clock;
  readonly #entries = new Map<string, { readonly stamp: string; readonly entry: CatalogEntry }>();
  readonly #releases = new Map<string, Release>();

  constructor(catalogDir: string, releasesDir: string, secretsDir: string, clock: Clock = systemClock) {
    this.#catalogDir = catalogDir;
    this.#releasesDir = releasesDir;
    this.#secretsDir = secretsDir;
    this.#clock = clock;
  }

  async hasSecret(name: string): Promise<boolean> {
    if (!SECRET_NAME.test(name)) return false;
    try {
      return (await stat(join(this.#secretsDir, name))).isFile();
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  async find(name: string): Promise<CatalogEntry | undefined> {
    if (!TARGET_PATTERN.test(name)) return undefined;
    const folder = join(this.#catalogDir, name);
    const stamp = folderStamp(folder, MAX_FILES, this.#clock.nowMs());
    const known = this.#entries.get(name);
    if (stamp !== undefined && known?.stamp === stamp && isFolder(this.#directory(name, known.entry.digest))) return known.entry;
    const files = await readComponent(folder, name);
    if (files === undefined) return undefined;
    const listed = [...files].map(([path, bytes]) => [path, digestOf(bytes)]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
    const digest = digestOf(canonicalJson(listed));
    await this.#make(name, digest, files);
    const entry = { definition: readDefinition(this.#directory(name, digest), name), digest };
    // The same before and after it was read: nothing moved meanwhile.
    if (stamp !== undefined && stamp === folderStamp(folder, MAX_FILES, this.#clock.nowMs())) {
      if (this.#entries.size >= MAX_KNOWN) this.#entries.clear();
      this.#entries.set(name, { stamp, entry });
    }
    return entry;
  }

  /** Throws `apply_failed` where there is no such release. */
  async release(name: string, digest: Digest): Promise<Release> {
    const directory = this.#directory(name, digest);
    const known = this.#releases.get(directory);
    if (known !== undefined) return known;
    if (!isFolder(directory)) throw new TriplaneError("apply_failed", `the release ${digest} of ${name} is not there`);
    const release = { definition: readDefinition(directory, name), directory };
    if (this.#releases.size >= MAX_KNOWN) this.#releases.clear();
    this.#releases.set(directory, release);
    return release;
  }

  #directory(name: string, digest: Digest): string {
    return join(this.#releasesDir, name, digest.slice("sha256:".length));
  }

  async #make(name: string, digest: Digest, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const directory = this.#directory(name, digest);
    if (isFolder(directory)) return;
    await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
    const making = await mkdtemp(join(dirname(directory), ".making-"));
    try {
      for (const [path, bytes] of files) {
        await mkdir(dirname(join(making, path)), { recursive: true, mode: 0o700 });
        await writeFile(join(making, path), bytes, { mode: 0o500, flush: true });
      }
      await rename(making, directory);
      await syncFolder(dirname(directory));
    } catch (error) {
      await rm(making, { recursive: true, force: true });
      // Somebody else made the same release at the same time.
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
    }
  }
}

function readDefinition(directory: string, name: string): ComponentDefinition {
  return conform(readNickelFile(directory, DEFINITION_FILE, undefined, { displayRoot: name }), {
    schema: componentDefinitionSchema,
    code: "args_invalid",
    whole: "the component",
    further: (definition) =>
      definition.name === name ? [] : [{ path: ["name"], message: `is ${definition.name}, the folder is ${name}` }],
  });
}

/** Path to bytes of every file that belongs to a release. */
async function readComponent(folder: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  const pending = [""];
  for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
    const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
      if (prefix === "" && (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR"))) return undefined;
      throw error;
    });
    if (entries === undefined) return undefined;
    for (const entry of entries) {
      const path = join(prefix, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (!entry.isFile()) throw new TriplaneError("args_invalid", `${name}/${path} is not a plain file`);
      else if (!/\.test\.[a-z]+$/.test(entry.name)) {
        const content = await readFile(join(folder, path));
        bytes += content.length;
        files.set(path, content);
      }
      if (files.size + pending.length > MAX_FILES || bytes > MAX_BYTES)
        throw new TriplaneError("args_invalid", `${name} has more than ${MAX_FILES} files or ${MAX_BYTES} bytes`);
    }
  }
  return files;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
