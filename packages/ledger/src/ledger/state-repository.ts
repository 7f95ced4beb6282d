// The state repository: one delegate, the ops-controller's key (`state-repo-single-delegate`), and an identity that never changed.
import { type Did, TriplaneError } from "@triplane/contract";
import { type ObjectId, type ObjectReader, objectId } from "../git/index.ts";
import { decodeDocument } from "../radicle/identity-doc.ts";
import { blobOfRid } from "../radicle/layout.ts";
import { type VerifiedRepository, type VerifyOptions, verifyWith } from "../radicle/verify.ts";
import type { RepositoryPin } from "../types.ts";
import { checkpointOrigin } from "./checkpoint.ts";
import { CHECKPOINT_PATH, LEDGER_BRANCH, workspaceOfStateRepository } from "./layout.ts";

/** Who writes a ledger and under which name. */
export interface LedgerAnchor {
  readonly rid: string;
  readonly workspace: string;
  readonly controller: Did;
  /** Origin line of its checkpoints. */
  readonly origin: string;
}

/** Verifies a storage repository or mirror clone. Throws `delegates_invalid`, `sigrefs_invalid`, and what `verifyRepository` throws. */
export async function verifyStateRepository(
  objects: ObjectReader,
  gitDir: string,
  pin: RepositoryPin,
  options: VerifyOptions = {},
): Promise<{ readonly anchor: LedgerAnchor; readonly verified: VerifiedRepository }> {
  const verified = await verifyWith(objects, gitDir, pin, options);
  const [controller, ...others] = verified.delegates;
  if (controller === undefined || others.length > 0 || verified.threshold !== 1) {
    throw new TriplaneError(
      "delegates_invalid",
      `the state repository has ${verified.delegates.length} delegates, exactly one is demanded`,
    );
  }
  if (verified.identity.revision !== verified.identity.root) {
    throw new TriplaneError("delegates_invalid", "the identity of the state repository changed after it was pinned");
  }
  const refusal = verified.refused.get(controller);
  if (refusal !== undefined) throw refusal;
  return { verified, anchor: anchorOf(pin.rid, workspaceOfStateRepository(verified.identity.doc), controller) };
}

export function anchorOf(rid: string, workspace: string, controller: Did): LedgerAnchor {
  return { rid, workspace, controller, origin: checkpointOrigin(workspace, rid) };
}

/** The anchor that a first identity document gives; the RID is the document's hash. Throws `rid_mismatch`, `delegates_invalid`. */
export function anchorOfDocument(rid: string, document: string): LedgerAnchor {
  const bytes = Buffer.from(document, "utf8");
  if (objectId("blob", bytes) !== blobOfRid(rid)) throw new TriplaneError("rid_mismatch", `the identity document is not that of ${rid}`);
  const doc = decodeDocument(bytes);
  const [controller, ...others] = doc.delegates;
  if (controller === undefined || others.length > 0)
    throw new TriplaneError("delegates_invalid", "the state repository was not founded by one delegate");
  return anchorOf(rid, workspaceOfStateRepository(doc), controller);
}

/** Signed head of the only delegate, or undefined for an empty ledger. */
export function signedHead(verified: VerifiedRepository, controller: Did, headRef: string): ObjectId | undefined {
  return verified.signed.get(controller)?.get(headRef);
}

/**
 * The anchor of a plain clone, which has neither identity nor signed refs: the key has to be pinned, and the name is the one
 * that the head's checkpoint claims, which that key must have signed. Throws `sigrefs_invalid`.
 */
export async function plainCloneAnchor(
  objects: ObjectReader,
  pin: RepositoryPin,
  controller: Did | undefined,
  head: ObjectId | undefined,
): Promise<LedgerAnchor> {
  const why = "this clone has no signed refs";
  if (controller === undefined) throw new TriplaneError("sigrefs_invalid", `${why}: clone with --mirror, or pin the ops-controller's key`);
  if (head === undefined) throw new TriplaneError("sigrefs_invalid", `${why}, and no branch ${LEDGER_BRANCH}`);
  const note = await objects.fileAt((await objects.commit(head)).tree, CHECKPOINT_PATH);
  const [, workspace = ""] = note?.toString("utf8").split("\n")[0]?.split("/") ?? [];
  return anchorOf(pin.rid, workspace, controller);
}
