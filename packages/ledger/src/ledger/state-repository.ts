// The state repository: one delegate, the ops-controller's key (`state-repo-single-delegate`).
//
// 1. Every revision of its identity has exactly one delegate, and changes nothing but who that is.
// 2. The delegates of the revisions are the keys that the ledger's successions name, in the same order (ADR-029).
import { type Did, TriplaneError, verifySuccession } from "@triplane/contract";
import { type ObjectId, type ObjectReader, objectId } from "../git/index.ts";
import { decodeDocument, encodeDocument, type IdentityDocument } from "../radicle/identity-doc.ts";
import { blobOfRid } from "../radicle/layout.ts";
import { type VerifiedRepository, type VerifyOptions, verifyWith } from "../radicle/verify.ts";
import type { RepositoryPin } from "../types.ts";
import { checkpointOrigin } from "./checkpoint.ts";
import { CHECKPOINT_PATH, LEDGER_BRANCH, workspaceOfStateRepository } from "./layout.ts";
import { currentController, successionTokens, type Tenures, tenuresAt } from "./successions.ts";

/** Whose ledger it is and under which name. */
export interface LedgerAnchor {
  readonly rid: string;
  readonly workspace: string;
  /** The first ops-controller's key, whose document the RID is the hash of. */
  readonly founder: Did;
  /** Origin line of its checkpoints. */
  readonly origin: string;
}

/** Verifies a storage repository or mirror clone. Throws `delegates_invalid`, `sigrefs_invalid`, and what `verifyRepository` throws. */
export async function verifyStateRepository(
  objects: ObjectReader,
  gitDir: string,
  pin: RepositoryPin,
  options: VerifyOptions = {},
): Promise<VerifiedState> {
  const verified = await verifyWith(objects, gitDir, pin, options);
  const { documents } = verified.identity;
  const controllers = documents.map(soleDelegate);
  const [founder] = controllers;
  const controller = controllers.at(-1);
  if (founder === undefined || controller === undefined)
    throw new TriplaneError("delegates_invalid", "the state repository has no delegate");
  const [first] = documents.map((doc) => encodeDocument({ ...doc, delegates: [founder] }));
  if (documents.some((doc) => encodeDocument({ ...doc, delegates: [founder] }) !== first))
    throw new TriplaneError("delegates_invalid", "a revision of the state repository's identity changes more than whose key writes it");
  const refusal = verified.refused.get(controller);
  if (refusal !== undefined) throw refusal;
  const anchor = anchorOf(pin.rid, workspaceOfStateRepository(verified.identity.doc), founder);
  return { verified, anchor, controllers };
}

export interface VerifiedState {
  readonly anchor: LedgerAnchor;
  readonly verified: VerifiedRepository;
  /** The only delegate of each revision of the identity, the one in force last. */
  readonly controllers: readonly Did[];
}

function soleDelegate({ delegates, threshold }: IdentityDocument): Did {
  const [controller, ...others] = delegates;
  if (controller === undefined || others.length > 0 || threshold !== 1)
    throw new TriplaneError("delegates_invalid", `the state repository has ${delegates.length} delegates, exactly one is demanded`);
  return controller;
}

/** Throws `delegates_invalid` where identity and ledger do not tell of the same keys. */
export function assertSameControllers(controllers: readonly Did[], tenures: Tenures): void {
  const told = tenures.map(({ controller }) => controller);
  if (told.length === controllers.length && told.every((did, at) => did === controllers[at])) return;
  throw new TriplaneError(
    "delegates_invalid",
    `the identity names ${controllers.join(", then ")} as the ops-controller, the ledger was handed to ${told.join(", then ")}`,
  );
}

export function anchorOf(rid: string, workspace: string, founder: Did): LedgerAnchor {
  return { rid, workspace, founder, origin: checkpointOrigin(workspace, rid) };
}

/** The anchor that a first identity document gives; the RID is the document's hash. Throws `rid_mismatch`, `delegates_invalid`. */
export function anchorOfDocument(rid: string, document: string): LedgerAnchor {
  const bytes = Buffer.from(document, "utf8");
  if (objectId("blob", bytes) !== blobOfRid(rid)) throw new TriplaneError("rid_mismatch", `the identity document is not that of ${rid}`);
  const doc = decodeDocument(bytes);
  return anchorOf(rid, workspaceOfStateRepository(doc), soleDelegate(doc));
}

/** Throws `delegates_invalid` where the key that a reader knows never was this ledger's. */
export function assertHadTurn(pinned: Did, tenures: Tenures): void {
  if (tenures.some(({ controller }) => controller === pinned)) return;
  throw new TriplaneError("delegates_invalid", `the only delegate is ${currentController(tenures)}, pinned is ${pinned}`);
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
  const [first] = await successionTokens(objects, (await objects.commit(head)).tree);
  if (first === undefined) return anchorOf(pin.rid, workspace, controller);
  const anchor = anchorOf(pin.rid, workspace, verifySuccession(first).claims.iss);
  assertHadTurn(controller, await tenuresAt(objects, (await objects.commit(head)).tree, anchor));
  return anchor;
}
