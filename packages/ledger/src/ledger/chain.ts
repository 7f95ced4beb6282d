// The SHA-256 chain over all records, from a genesis that belongs to one repository. docs/reference/ledger-format.md has the exact bytes.
import { createHash } from "node:crypto";
import type { Digest } from "@triplane/contract";

const GENESIS_PREFIX = "triplane-ledger-genesis-v1\n";
const LINK_PREFIX = "triplane-ledger-link-v1\n";

/** Chain head of a ledger without records. */
export function chainGenesis(stateRid: string): Digest {
  return `sha256:${createHash("sha256").update(GENESIS_PREFIX).update(stateRid, "utf8").digest("hex")}`;
}

/** What the chain holds of a record: SHA-256 of its bytes. */
export function chainHash(record: string): Buffer {
  return createHash("sha256").update(record, "utf8").digest();
}

/** Chain head after one more record. */
export function chainNext(head: Digest, recordHash: Uint8Array): Digest {
  const link = createHash("sha256")
    .update(LINK_PREFIX)
    .update(Buffer.from(head.slice("sha256:".length), "hex"))
    .update(recordHash);
  return `sha256:${link.digest("hex")}`;
}
