// The digest of a tree: every path with its kind, mode, owner and content, in order. Times are left out, so that the same content has the same digest.
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";

/** `sha256-` and 64 hexadecimal digits: also a folder's name. */
export const DIGEST_PATTERN: RegExp = /^sha256-[0-9a-f]{64}$/;

/** Throws `provider_failed` for a tree with a device, a socket or a pipe in it. */
export async function digestTree(root: string): Promise<string> {
  const hash = createHash("sha256");
  await addFolder(hash, root, "");
  return `sha256-${hash.digest("hex")}`;
}

async function addFolder(hash: Hash, root: string, path: string): Promise<void> {
  for (const name of (await readdir(join(root, path), { encoding: "buffer" })).map((bytes) => bytes.toString("latin1")).sort()) {
    // Bytes one by one, whatever their encoding.
    await addEntry(hash, root, join(path, Buffer.from(name, "latin1").toString("utf8")));
  }
}

async function addEntry(hash: Hash, root: string, path: string): Promise<void> {
  const full = join(root, path);
  const stat = await lstat(full);
  const line = (kind: string, what: string): void =>
    void hash.update(`${JSON.stringify([path, kind, stat.mode & 0o7777, stat.uid, stat.gid, what])}\n`);
  if (stat.isSymbolicLink()) line("link", await readlink(full));
  else if (stat.isDirectory()) {
    line("folder", "");
    await addFolder(hash, root, path);
  } else if (stat.isFile()) line("file", await digestFile(full));
  else throw new TriplaneError("provider_failed", `${path} is neither a file, a folder nor a link`);
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}
