// Where lists of contents are: each a file on this machine, and in the registry where one is configured.
//
// 1. An image whose list is nowhere is not promoted.
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere } from "@triplane/kit";
import { isGoldenVersion } from "../images.ts";

/** A repository of artifacts, for golden images of one provider. */
export interface ContentsRegistry {
  /** `registry.example/golden/local`. */
  readonly name: string;
  /** Stores a list under its image's version; its digest. Idempotent. Throws `golden_contents`. */
  push(
    version: string,
    document: string,
    facts: { readonly imageId: string; readonly createdAtS: number },
    signal: AbortSignal,
  ): Promise<string>;
  /** Digest of what is there under a tag. Throws `golden_contents`. */
  find(tag: string, signal: AbortSignal): Promise<string | undefined>;
  /** Gives what has a version another tag as well: `current`, `previous`. Throws `golden_contents`. */
  tag(version: string, tag: string, signal: AbortSignal): Promise<void>;
}

export interface StoredContents {
  /** On this machine; undefined where the image was built on another one. */
  readonly file: string | undefined;
  /** `registry.example/golden/local:VERSION@sha256:…`; undefined where no registry is configured. */
  readonly reference: string | undefined;
}

export class ContentsShelf {
  readonly #folder: string;
  readonly #registry: ContentsRegistry | undefined;

  constructor(folder: string, registry: ContentsRegistry | undefined) {
    this.#folder = folder;
    this.#registry = registry;
  }

  /** Keeps it as a file; nothing is sent yet. */
  async keep(version: string, document: string): Promise<string> {
    await ensurePrivateFolder(this.#folder);
    const file = this.#file(version);
    await atomicWriteFile(file, document, { mode: 0o644 });
    return file;
  }

  /** Sees to it that the list is where it belongs. Throws `golden_contents`. */
  async publish(
    version: string,
    facts: { readonly imageId: string; readonly createdAtS: number },
    signal: AbortSignal,
  ): Promise<StoredContents> {
    const document = await readFileIfThere(this.#file(version));
    const file = document === undefined ? undefined : this.#file(version);
    const registry = this.#registry;
    if (registry === undefined) {
      if (file === undefined)
        throw new TriplaneError("golden_contents", `the list of contents of ${version} is not on this machine`, {
          hint: "Name the registry that has it, or give the command on the machine that built the image.",
        });
      return { file, reference: undefined };
    }
    const digest = document === undefined ? await registry.find(version, signal) : await registry.push(version, document, facts, signal);
    if (digest === undefined)
      throw new TriplaneError("golden_contents", `the list of contents of ${version} is neither on this machine nor in ${registry.name}`);
    return { file, reference: `${registry.name}:${version}@${digest}` };
  }

  /** Tags in the registry follow the labels of images; nothing to do without a registry. */
  async follow(
    versions: { readonly current?: string | undefined; readonly previous?: string | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const registry = this.#registry;
    if (registry === undefined) return;
    for (const tag of ["current", "previous"] as const) {
      const version = versions[tag];
      if (version !== undefined && isGoldenVersion(version) && (await registry.find(version, signal)) !== undefined)
        await registry.tag(version, tag, signal);
    }
  }

  /** The file of a version, if it is on this machine. */
  async fileOf(version: string | undefined): Promise<string | undefined> {
    if (version === undefined || !isGoldenVersion(version)) return undefined;
    return (await readFileIfThere(this.#file(version))) === undefined ? undefined : this.#file(version);
  }

  #file(version: string): string {
    if (!isGoldenVersion(version)) throw new TriplaneError("golden_contents", `${JSON.stringify(version.slice(0, 60))} is no version`);
    return join(this.#folder, `${version}.spdx.json`);
  }
}
