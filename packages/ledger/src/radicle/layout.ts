// Names in Radicle's storage layout: repository ids, namespaces, refs.
import { join } from "node:path";
import { type Did, decodeBase58, encodeBase58, TriplaneError } from "@triplane/contract";
import { assertRefName, type ObjectId } from "../git/index.ts";

export const IDENTITY_TYPE = "xyz.radicle.id";
export const PROJECT_PAYLOAD = "xyz.radicle.project";
/** An entry of the signed refs that is no ref: the sigrefs commit before this one. */
export const SIGREFS_PARENT = "refs/rad/sigrefs-parent";

/** Node id of a DID: the part after `did:key:`. */
export function nidOfDid(did: Did): string {
  return did.slice("did:key:".length);
}

export function didOfNid(nid: string): Did {
  return `did:key:${nid}` as Did;
}

/** RID of the first identity document's blob. */
export function ridOfBlob(blob: ObjectId): string {
  return `rad:z${encodeBase58(Buffer.from(blob, "hex"))}`;
}

/** The blob that a RID names. Throws `rid_mismatch` for what is not a RID. */
export function blobOfRid(rid: string): ObjectId {
  if (!/^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/.test(rid))
    throw new TriplaneError("rid_mismatch", `${JSON.stringify(rid.slice(0, 80))} is not a Radicle repository id`);
  const bytes = decodeBase58(rid.slice("rad:z".length));
  const blob = Buffer.from(bytes).toString("hex");
  if (bytes.length !== 20 || ridOfBlob(blob) !== rid) throw new TriplaneError("rid_mismatch", `${rid} does not name a blob`);
  return blob;
}

/** `<storageDir>/<z…>`. */
export function repositoryDir(storageDir: string, rid: string): string {
  blobOfRid(rid);
  return join(storageDir, rid.slice("rad:".length));
}

export const refs = {
  namespaces: "refs/namespaces/",
  namespace: (nid: string) => `refs/namespaces/${nid}/`,
  head: (branch: string) => assertRefName(`refs/heads/${branch}`),
  sigrefs: "refs/rad/sigrefs",
  identityHead: "refs/rad/id",
  identityRoot: "refs/rad/root",
  identityObject: (root: ObjectId) => `refs/cobs/${IDENTITY_TYPE}/${root}`,
} as const;

/** The full name of a ref inside a delegate's namespace. */
export function namespaced(nid: string, ref: string): string {
  return `${refs.namespace(nid)}${ref}`;
}
