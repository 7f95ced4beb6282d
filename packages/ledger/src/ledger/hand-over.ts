// Handing the ledger over: one commit by the old key that names the new one, and a revision of the identity to the same effect.
//
// 1. The new key's signed refs are what makes it happen, and they are written last but for the old key's farewell: before them nothing
//    names the new key, with them everything is there.
// 2. The old key signs nothing after it. What it signs later is no part of the ledger.
import { type PolicyRef, type SigningKey, signSuccession, verifySuccession } from "@triplane/contract";
import { createObjectWriter, editTree, listRefs, type ObjectId, type ObjectReader, type RefUpdate, updateRefs } from "../git/index.ts";
import type { Identity } from "../radicle/identity.ts";
import { writeRevision } from "../radicle/identity-entry.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import { writeSignedCommit } from "../radicle/signed-commit.ts";
import { type SigrefsEntry, writeSigrefs } from "../radicle/sigrefs.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { CHECKPOINT_PATH, LEDGER_BRANCH } from "./layout.ts";
import type { Standing } from "./standing.ts";
import type { LedgerAnchor } from "./state-repository.ts";
import { encodeSuccessions, handOverMessage, SUCCESSIONS_PATH, tenuresOf } from "./successions.ts";

const HEAD_REF = refs.head(LEDGER_BRANCH);

/** Why the new key may take over: the approved policy that names it. */
export interface SuccessionGrounds {
  /** `workspace/policy RID`. */
  readonly audience: string;
  readonly policy: PolicyRef;
}

export interface HandOverParts {
  readonly repoDir: string;
  readonly objects: ObjectReader;
  readonly anchor: LedgerAnchor;
  readonly identity: Identity;
  readonly standing: Standing;
  /** Where the old key's signed refs stand. */
  readonly sigrefs: SigrefsEntry;
  readonly from: SigningKey;
  readonly to: SigningKey;
  readonly grounds: SuccessionGrounds;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly author: string;
}

/** Writes it, on disk when it returns. Throws `ledger_chain_broken` for a key that had its turn, `git_failed`. */
export async function writeHandOver(parts: HandOverParts): Promise<{ readonly standing: Standing; readonly sigrefs: SigrefsEntry }> {
  const { repoDir, anchor, standing, sigrefs, from, to, identity } = parts;
  const { head, position } = standing;
  const timeMs = Math.max(parts.nowMs, position.timeMs);
  const timeS = Math.floor(timeMs / 1000);
  const root = position.tree.root();
  const token = signSuccession(
    {
      ...{ aud: parts.grounds.audience, iat: timeS, state_rid: anchor.rid, policy: parts.grounds.policy },
      ...{ size: position.tree.size, root: root.toString("base64"), chain_head: position.chainHead },
    },
    { from, to },
  );
  const tokens = [...standing.tenures.flatMap(({ succession }) => succession?.token.compact ?? []), verifySuccession(token).token.compact];
  const tenures = tenuresOf(tokens, anchor);
  const checkpoint = signCheckpoint(anchor.origin, position.tree.size, root, timeMs, to);
  const objects = createObjectWriter(repoDir);
  const changes = new Map<string, ObjectId | undefined>([
    [SUCCESSIONS_PATH, objects.blob(encodeSuccessions(tokens))],
    [CHECKPOINT_PATH, objects.blob(checkpoint.note)],
  ]);
  const tree = await editTree(parts.objects, objects, head?.tree, changes);
  const message = handOverMessage(position.tree.size, to.did, position.chainHead);
  const parents = head === undefined ? [] : [head.commit];
  const commit = await writeSignedCommit(objects, { tree, parents, message, author: parts.author, timeS }, from);
  const text = { title: "Hand over", description: "" };
  const doc = { ...identity.doc, delegates: [to.did] };
  const revision = await writeRevision(objects, { key: from, alias: parts.author, timeS }, doc, text, identity.revision);
  const told = new Map([
    [HEAD_REF, commit],
    [refs.identityObject(identity.root), revision],
    [refs.identityHead, revision],
    [refs.identityRoot, identity.root],
  ]);
  const taken = await writeSigrefs(objects, to, told, undefined, timeS);
  const farewell = new Map([...sigrefs.refs, ...told]);
  const left = await writeSigrefs(objects, from, farewell, sigrefs.commit, timeS);
  await objects.flush();

  const loose = await listRefs(repoDir, "refs/");
  const update = (name: string, value: ObjectId): RefUpdate => ({ name, value, old: loose.get(name) });
  const of = (key: SigningKey, ref: string): string => namespaced(nidOfDid(key.did), ref);
  await updateRefs(repoDir, [
    ...[...told].map(([ref, value]) => update(of(to, ref), value)),
    update(of(to, refs.sigrefs), taken),
    update(HEAD_REF, commit),
    update(refs.identityHead, revision),
    ...[...told].map(([ref, value]) => update(of(from, ref), value)),
    update(of(from, refs.sigrefs), left),
  ]);
  return {
    standing: { head: { commit, tree }, position: { ...position, timeMs }, checkpoint, tenures },
    sigrefs: { commit: taken, parent: undefined, refs: told },
  };
}
