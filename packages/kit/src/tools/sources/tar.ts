// Takes one file out of a .tar.gz. Nothing is unpacked to disk, so a member's path cannot lead anywhere.
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { TriplaneError } from "@triplane/contract";

const BLOCK_BYTES = 512;
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;

/** The content of the regular file `member` (ustar layout, POSIX.1-1988). Throws `tool_missing` if it is not in there. */
export async function extractMember(archive: Uint8Array, member: string): Promise<Uint8Array> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: MAX_UNPACKED_BYTES });
  let offset = 0;
  while (offset + BLOCK_BYTES <= tar.length) {
    const header = tar.subarray(offset, offset + BLOCK_BYTES);
    const name = text(header, 0, 100);
    if (name === "") break;
    const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
    const sizeBytes = Number.parseInt(text(header, 124, 12).trim() || "0", 8);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) break;
    const start = offset + BLOCK_BYTES;
    const type = text(header, 156, 1);
    if ((prefix === "" ? name : `${prefix}/${name}`) === member && (type === "0" || type === "")) {
      if (start + sizeBytes > tar.length) break;
      return tar.subarray(start, start + sizeBytes);
    }
    offset = start + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  throw new TriplaneError("tool_missing", `the archive does not hold ${member}`);
}

function text(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end === -1 ? length : end).toString("utf8");
}
