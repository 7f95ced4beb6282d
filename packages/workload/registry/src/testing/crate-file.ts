// A .crate file and the body that publishes it, without cargo.
import { execFile } from "node:child_process";
import { readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** Packs a crate's folder (`writeCrate` made it: `<name>-<version>`), as cargo would but for its rewritten manifest. */
export async function crateFile(folder: string): Promise<Uint8Array> {
  const name = folder.slice(dirname(folder).length + 1);
  const file = join(dirname(folder), `${name}.crate`);
  await promisify(execFile)("tar", ["--create", "--gzip", "--file", `${file}.new`, "--directory", dirname(folder), name]);
  await rename(`${file}.new`, file);
  const bytes = await readFile(file);
  await rm(file);
  return bytes;
}

export function publishBody(metadata: unknown, crate: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(metadata));
  const length = (bytes: Uint8Array): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(bytes.length);
    return prefix;
  };
  return Buffer.concat([length(json), json, length(crate), crate]);
}
