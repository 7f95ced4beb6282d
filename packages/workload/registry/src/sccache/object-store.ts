// Compiled objects as files: `<folder>/<repository>/<ab>/<key>`, each either whole or not there.
//
// 1. A file is written under another name, synced and renamed; who reads it meanwhile has the old one or none.
// 2. Names come from `readSccacheAddress` only: hexadecimal keys, and repositories without a way out of the folder.
import { createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, type Random, TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { evictions, type StoredObject } from "./eviction.ts";

export interface ObjectStoreOptions {
  readonly folder: string;
  /** Sum of all objects, beyond which the least used go. */
  readonly maxBytes: number;
  readonly maxObjectBytes: number;
  readonly clock: Clock;
  readonly random: Random;
}

export interface OpenObject {
  readonly file: FileHandle;
  readonly sizeBytes: number;
  readonly writtenAtMs: number;
}

/** A hit is noted at most this often, so that a hot object costs no write. */
const NOTED_EVERY_MS = 60 * 60_000;
const UNFINISHED = ".new-";
const ABANDONED_AFTER_MS = 60 * 60_000;

export class ObjectStore {
  readonly #options: ObjectStoreOptions;

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
  }

  /** The object, open; the caller closes it. Undefined where there is none. */
  async read(repository: string, key: string): Promise<OpenObject | undefined> {
    const path = this.#path(repository, key);
    let file: FileHandle;
    try {
      file = await open(path, "r");
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
    try {
      const { size, mtimeMs, atimeMs } = await file.stat();
      const nowMs = this.#options.clock.nowMs();
      if (nowMs - atimeMs > NOTED_EVERY_MS) await file.utimes(new Date(nowMs), new Date(mtimeMs));
      return { file, sizeBytes: size, writtenAtMs: mtimeMs };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Replaces the object. Throws `body_too_large`; then, and when the stream breaks off, the old one stays. */
  async write(repository: string, key: string, content: Readable): Promise<void> {
    const { random, maxObjectBytes, clock } = this.#options;
    const path = this.#path(repository, key);
    const folder = dirname(path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = join(folder, `${UNFINISHED}${Buffer.from(random.bytes(9)).toString("base64url")}`);
    try {
      await pipeline(content, limited(maxObjectBytes), createWriteStream(temporary, { flags: "wx", mode: 0o600, flush: true }));
      const now = new Date(clock.nowMs());
      await utimes(temporary, now, now);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Makes room, and removes what writers left that died. Gives how many objects went. */
  async sweep(): Promise<number> {
    const { folder, maxBytes, clock } = this.#options;
    const objects: StoredObject[] = [];
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      if (!entry.name.startsWith(UNFINISHED))
        objects.push({ path, sizeBytes: found.size, usedAtMs: Math.max(found.atimeMs, found.mtimeMs) });
      else if (clock.nowMs() - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
    }
    const gone = evictions(objects, maxBytes);
    for (const { path } of gone) await rm(path, { force: true });
    return gone.length;
  }

  #path(repository: string, key: string): string {
    // `+` is in no repository's name, so that no repository is a folder of another one.
    return join(this.#options.folder, repository.replaceAll("/", "+"), key.slice(0, 2), key);
  }
}

function limited(maxBytes: number): Transform {
  let sizeBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) done(new TriplaneError("body_too_large", `the object is larger than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
}
