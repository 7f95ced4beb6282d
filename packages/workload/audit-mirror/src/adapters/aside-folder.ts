// Keeps what could not go into the ledger, one file for each content, for people to look at.
import { join } from "node:path";
import { atomicWriteFile, ensurePrivateFolder } from "@triplane/kit";
import type { KeepAside } from "../ports.ts";

export function asideFolder(folder: string): KeepAside {
  return async (item) => {
    await ensurePrivateFolder(folder);
    const content = {
      digest: item.digest,
      code: item.code,
      message: item.message,
      stream_seq: item.streamSeq,
      at: new Date(item.atMs).toISOString(),
      bytes: Buffer.from(item.bytes).toString("base64"),
    };
    await atomicWriteFile(join(folder, `${item.digest.replace("sha256:", "")}.json`), `${JSON.stringify(content, undefined, 2)}\n`);
  };
}
