import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SigningKey } from "@triplane/contract";
import { createObjectWriter, type ObjectId } from "../../git/index.ts";
import { failsWith, type Governed, git, governed, nth } from "../../testing.ts";
import { approvedHead } from "../approved-head.ts";
import { refs } from "../layout.ts";
import { writeSigrefs } from "../sigrefs.ts";
import { verifyRepository } from "../verify.ts";
import { branch, placeSigrefs, policyCommit, vote, votes } from "./scene.ts";

/** A commit with this tree on top of that entry, as anybody can make: entries are not signed as commits. */
function commitTree(repo: Governed, tree: ObjectId, ...parents: readonly ObjectId[]): ObjectId {
  return git(repo.repoDir, ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-m", "Update signed refs"]);
}

async function approvedTwice(): Promise<{
  readonly repo: Governed;
  readonly key: SigningKey;
  readonly commits: readonly [ObjectId, ObjectId];
}> {
  const repo = await governed(2, 2);
  const first = await policyCommit(repo, "{ version = 1 }");
  const second = await policyCommit(repo, "{ version = 2 }", first);
  for (const commit of [first, second]) await votes(repo, [0, 1], commit);
  return { repo, key: nth(repo.delegates, 1), commits: [first, second] };
}

async function chainOf(repo: Governed, key: SigningKey) {
  return (await verifyRepository(repo.repoDir, repo)).chains.get(key.did) ?? [];
}

describe("attack: signed refs", () => {
  it("attack: replayed signed refs: an old entry's content on top of the newest one", async () => {
    const { repo, key } = await approvedTwice();
    const chain = await chainOf(repo, key);
    const old = git(repo.repoDir, ["rev-parse", `${nth(chain, 1).commit}^{tree}`]);
    await placeSigrefs(repo, key, commitTree(repo, old, nth(chain, 0).commit));
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: replayed signed refs: the ref put back to an old entry is a rollback to whoever remembers", async () => {
    const { repo, key, commits } = await approvedTwice();
    const chain = await chainOf(repo, key);
    await placeSigrefs(repo, key, nth(chain, 1).commit);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[1] }), failsWith("policy_rollback"));
  });

  it("attack: downgrade of feature level: an entry that does not sign its parent", async () => {
    const { repo, key } = await approvedTwice();
    const [tip] = await chainOf(repo, key);
    assert.ok(tip !== undefined);
    const objects = createObjectWriter(repo.repoDir);
    const rootLevel = await writeSigrefs(objects, key, tip.refs, undefined, 1_790_000_000);
    await objects.flush();
    const tree = git(repo.repoDir, ["rev-parse", `${rootLevel}^{tree}`]);
    await placeSigrefs(repo, key, commitTree(repo, tree, tip.commit));
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: downgrade of feature level: an entry that does not sign the identity root", async () => {
    const { repo, key } = await approvedTwice();
    const [tip] = await chainOf(repo, key);
    assert.ok(tip !== undefined);
    const objects = createObjectWriter(repo.repoDir);
    const bare = new Map([...tip.refs].filter(([name]) => name !== refs.identityRoot));
    const none = await writeSigrefs(objects, key, bare, tip.commit, 1_790_000_000);
    await objects.flush();
    await placeSigrefs(repo, key, none);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: grafted refs: what a delegate signed in another repository says nothing in this one", async () => {
    const { repo, key, commits } = await approvedTwice();
    const other = await governed(2, 2, "policy-elsewhere");
    const objects = createObjectWriter(repo.repoDir);
    // The same key, honestly, elsewhere: same branch, a commit that exists here.
    const elsewhere = new Map([
      [refs.head(branch), commits[0]],
      [refs.identityObject(other.identityRoot), other.identityRoot],
      [refs.identityHead, other.identityRoot],
      [refs.identityRoot, other.identityRoot],
    ]);
    const grafted = await writeSigrefs(objects, key, elsewhere, undefined, 1_790_000_000);
    await objects.flush();
    await placeSigrefs(repo, key, grafted);
    assert.equal((await verifyRepository(repo.repoDir, repo)).refused.get(key.did)?.code, "sigrefs_invalid");
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: another's signed refs: an entry in the place of a delegate who did not sign it", async () => {
    const { repo, key } = await approvedTwice();
    const [mine] = await chainOf(repo, nth(repo.delegates, 0));
    assert.ok(mine !== undefined);
    await placeSigrefs(repo, key, mine.commit);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: policy rollback: an older policy that once had the votes does not come back (CVE-2026-44544)", async () => {
    const { repo, commits } = await approvedTwice();
    await votes(repo, [0, 1], commits[0]);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, commits[0]);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[1] }), failsWith("policy_rollback"));
    // Nor a newer commit that does not follow what was accepted.
    const aside = await policyCommit(repo, "{ version = 3 }", commits[0]);
    await votes(repo, [0, 1], aside);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[1] }), failsWith("policy_rollback"));
  });

  it("attack: later policy ignored: the newest approved commit is the one in force, not one that was approved before (CVE-2026-128035)", async () => {
    const { repo, commits } = await approvedTwice();
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[0] })).commit, commits[1]);
    const third = await policyCommit(repo, "{ version = 3 }", commits[1]);
    await vote(repo, 0, third);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[0] })).commit, commits[1]);
    await vote(repo, 1, third);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: commits[0] })).commit, third);
  });
});
