// Packs and their indexes as bytes (gitformat-pack(5), version 2 of both): whole objects, no deltas.
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";
import type { GitObject, ObjectType } from "./objects.ts";

const compress = promisify(deflate);
const TYPE_NUMBER: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const INDEX_MAGIC = Buffer.of(0xff, 0x74, 0x4f, 0x63);
/** Offsets of this size and more need a table of their own in the index; nothing here is that large. */
export const MAX_PACK_BYTES = 2 ** 31;

export interface Pack {
  readonly pack: Buffer;
  readonly index: Buffer;
  /** SHA-1 over the pack, by which git names it. */
  readonly checksum: string;
}

interface Entry {
  readonly id: Buffer;
  readonly crc: number;
  readonly offset: number;
}

/** Compresses on other threads. */
export async function encodePack(objects: readonly GitObject[]): Promise<Pack> {
  const header = Buffer.alloc(12);
  header.write("PACK", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(objects.length, 8);
  const bodies = await Promise.all(objects.map((object) => compress(object.body)));
  const parts: Buffer[] = [header];
  const entries: Entry[] = [];
  let offset = header.length;
  for (const [at, object] of objects.entries()) {
    const bytes = Buffer.concat([entryHeader(object), bodies[at] ?? Buffer.alloc(0)]);
    entries.push({ id: Buffer.from(object.id, "hex"), crc: crc32(bytes), offset });
    parts.push(bytes);
    offset += bytes.length;
  }
  const body = Buffer.concat(parts);
  const checksum = createHash("sha1").update(body).digest();
  return { pack: Buffer.concat([body, checksum]), index: encodeIndex(entries, checksum), checksum: checksum.toString("hex") };
}

function entryHeader(object: GitObject): Buffer {
  let size = object.body.length;
  const bytes = [(TYPE_NUMBER[object.type] << 4) | (size & 0x0f)];
  size = Math.floor(size / 16);
  while (size > 0) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(size & 0x7f);
    size = Math.floor(size / 128);
  }
  return Buffer.from(bytes);
}

/** Fan-out, ids in order, checksums, offsets. */
function encodeIndex(unsorted: readonly Entry[], packChecksum: Buffer): Buffer {
  const entries = [...unsorted].sort((a, b) => a.id.compare(b.id));
  const head = Buffer.alloc(8 + 256 * 4);
  INDEX_MAGIC.copy(head);
  head.writeUInt32BE(2, 4);
  let count = 0;
  for (let first = 0; first < 256; first += 1) {
    while (count < entries.length && (entries[count]?.id[0] ?? 0) <= first) count += 1;
    head.writeUInt32BE(count, 8 + first * 4);
  }
  const table = (field: (entry: Entry) => number): Buffer => {
    const bytes = Buffer.alloc(entries.length * 4);
    for (const [at, entry] of entries.entries()) bytes.writeUInt32BE(field(entry), at * 4);
    return bytes;
  };
  const ids = Buffer.concat(entries.map((entry) => entry.id));
  const body = Buffer.concat([head, ids, table((entry) => entry.crc), table((entry) => entry.offset), packChecksum]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}
