// Where golden roots lie: `<folder>/<digest>/` with the root and its labels.
//
// 1. A folder with a digest for a name is complete: it was filled under another name and renamed.
// 2. The root is never written again; labels are, by a rename.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder, isErrno } from "@triplane/kit";
import type { Image } from "@triplane/vm-pool";
import { z } from "zod";
import { DIGEST_PATTERN } from "./digest.ts";

const labelText = z.string().regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/);

const goldenRecordSchema = z.strictObject({
  digest: z.string().regex(DIGEST_PATTERN),
  /** Seconds since 1970. */
  created_at: z.int().min(0),
  platform: z.enum(["linux/amd64", "linux/arm64"]),
  /** What it was made by: two that agree differ in nothing but Debian's updates. */
  recipe: z.string(),
  labels: z.record(labelText, labelText),
});
export type GoldenRecord = z.infer<typeof goldenRecordSchema>;

const ABANDONED_AFTER_MS = 6 * 3600_000;

export class GoldenStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Newest first. What is not complete is not there. */
  async list(): Promise<readonly GoldenRecord[]> {
    const names = await readdir(this.folder).catch((error: unknown) => {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    });
    const records = await Promise.all(names.filter((name) => DIGEST_PATTERN.test(name)).map((name) => this.get(name)));
    return records.filter((record) => record !== undefined).sort((a, b) => b.created_at - a.created_at || a.digest.localeCompare(b.digest));
  }

  async images(labels: Readonly<Record<string, string>>): Promise<readonly Image[]> {
    const wanted = Object.entries(labels);
    return (await this.list())
      .filter((record) => wanted.every(([key, value]) => record.labels[key] === value))
      .map((record) => ({ id: record.digest, createdAtS: record.created_at, labels: record.labels, platform: record.platform }));
  }

  async get(digest: string): Promise<GoldenRecord | undefined> {
    if (!DIGEST_PATTERN.test(digest)) return undefined;
    try {
      return goldenRecordSchema.parse(JSON.parse(await readFile(join(this.folder, digest, "golden.json"), "utf8")));
    } catch {
      return undefined;
    }
  }

  rootOf(digest: string): string {
    if (!DIGEST_PATTERN.test(digest)) throw new TriplaneError("provider_failed", "a golden root is named by its digest");
    return join(this.folder, digest, "root");
  }

  /** Replaces the labels. Throws `provider_failed` for a root that is not there. */
  async relabel(digest: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const record = await this.get(digest);
    if (record === undefined) throw new TriplaneError("provider_failed", `there is no golden root ${digest}`);
    await this.#write(join(this.folder, digest), { ...record, labels: { ...labels } });
  }

  async remove(digest: string): Promise<void> {
    if (!DIGEST_PATTERN.test(digest)) return;
    const trash = join(this.folder, `.trash-${randomBytes(6).toString("hex")}`);
    try {
      await rename(join(this.folder, digest), trash);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
    await rm(trash, { recursive: true, force: true });
  }

  /** A folder to fill; `keep` makes it a golden root, or drops it where the same one is there: that one is as fresh then as if it were new. */
  async begin(): Promise<string> {
    await ensurePrivateFolder(this.folder);
    await this.#sweep(ABANDONED_AFTER_MS);
    const folder = join(this.folder, `.new-${randomBytes(6).toString("hex")}`);
    await mkdir(join(folder, "root"), { recursive: true, mode: 0o755 });
    return folder;
  }

  async keep(folder: string, record: GoldenRecord): Promise<void> {
    await this.#write(folder, record);
    try {
      await rename(folder, join(this.folder, record.digest));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
      const there = await this.get(record.digest);
      if (there === undefined) throw new TriplaneError("provider_failed", `${record.digest} is there and cannot be read`, { cause: error });
      await this.#write(join(this.folder, record.digest), { ...there, created_at: Math.max(there.created_at, record.created_at) });
    }
  }

  /** Removes what builds that died left behind. Only where nobody else builds. */
  async tidy(): Promise<void> {
    await this.#sweep(0);
  }

  async #write(folder: string, record: GoldenRecord): Promise<void> {
    await atomicWriteFile(join(folder, "golden.json"), `${JSON.stringify(goldenRecordSchema.parse(record), undefined, 2)}\n`);
  }

  async #sweep(olderThanMs: number): Promise<void> {
    const names = await readdir(this.folder).catch((error: unknown) => {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    });
    for (const name of names) {
      if (!name.startsWith(".new-") && !name.startsWith(".trash-")) continue;
      const path = join(this.folder, name);
      const age =
        Date.now() -
        (await stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => Date.now(),
        ));
      if (age >= olderThanMs) await rm(path, { recursive: true, force: true });
    }
  }
}
