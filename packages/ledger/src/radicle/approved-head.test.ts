import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { SigningKey } from "@triplane/contract";
import { type ObjectId, updateRefs } from "../git/index.ts";
import { failsWith, type Governed, governed, keys, nth, temporaryFolder } from "../testing.ts";
import { isAncestor, readTreeFiles } from "../tree-files.ts";
import { approvedHead } from "./approved-head.ts";
import { encodeDocument } from "./identity-doc.ts";
import { namespaced, nidOfDid, refs } from "./layout.ts";
import { commitFiles, createRepository, pushHead, reviseIdentity, setCanonicalRefs, signRefs } from "./repository.ts";
import { verifyRepository } from "./verify.ts";

const branch = "main";

async function commit(repo: Governed, text: string, parent?: ObjectId): Promise<ObjectId> {
  const files = { "keeper_policy.ncl": text, "lib/rules.ncl": "{}" };
  return commitFiles({
    repo: repo.repoDir,
    key: nth(repo.delegates, 0),
    parent,
    files,
    message: "Change the policy",
    timeS: 1_790_000_000,
  });
}

const push = (repo: Governed, key: SigningKey, id: ObjectId) =>
  pushHead({ repo: repo.repoDir, key, branch, commit: id, clock: repo.clock });

test("approvedHead: a commit counts once the threshold of distinct delegates has had it as their own head, and has one at or after it", async () => {
  const repo = await governed(3, 2);
  const first = await commit(repo, "{ version = 1 }");
  await push(repo, nth(repo.delegates, 0), first);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  await push(repo, nth(repo.delegates, 0), first);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  const second = await commit(repo, "{ version = 2 }", first);
  await push(repo, nth(repo.delegates, 2), first);
  await push(repo, nth(repo.delegates, 2), second);
  const head = await approvedHead(repo.repoDir, repo, { branch });
  assert.equal(head.commit, first);
  assert.deepEqual(new Set(head.signedBy), new Set([nth(repo.delegates, 0).did, nth(repo.delegates, 2).did]));
  assert.deepEqual([head.threshold, head.delegates.length], [2, 3]);
});

test("approvedHead: heads {C, C, child of C} are three votes for C, not four", async () => {
  const repo = await governed(4, 4);
  const first = await commit(repo, "{ version = 1 }");
  const second = await commit(repo, "{ version = 2 }", first);
  for (const delegate of [0, 1, 2]) await push(repo, nth(repo.delegates, delegate), first);
  await push(repo, nth(repo.delegates, 2), second);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  await push(repo, nth(repo.delegates, 3), first);
  assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, first);
});

test("approvedHead: the head never goes back behind the last accepted one", async () => {
  const repo = await governed(2, 2);
  const first = await commit(repo, "{ version = 1 }");
  const second = await commit(repo, "{ version = 2 }", first);
  for (const id of [first, second]) for (const key of repo.delegates) await push(repo, key, id);
  assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, second);
  await push(repo, nth(repo.delegates, 1), first);
  assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: first })).commit, first);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch, lastAccepted: second }), failsWith("policy_rollback"));
});

test("approvedHead: loose and top-level refs have no say", async () => {
  const repo = await governed(2, 2);
  const first = await commit(repo, "{ version = 1 }");
  for (const key of repo.delegates) await push(repo, key, first);
  const forged = await commit(repo, "{ version = 666 }", first);
  await setCanonicalRefs(repo.repoDir, branch, forged);
  const loose = repo.delegates.map((key) => ({ name: namespaced(nidOfDid(key.did), "refs/heads/main"), value: forged, old: first }));
  await updateRefs(repo.repoDir, loose);
  assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, first);
  assert.equal((await verifyRepository(repo.repoDir, repo)).strayRefs.length, 2);
});

test("approvedHead: pitfall 34: diverging heads approve nothing where both have the threshold", async () => {
  const repo = await governed(2, 1);
  await push(repo, nth(repo.delegates, 0), await commit(repo, "{ version = 1 }"));
  await push(repo, nth(repo.delegates, 1), await commit(repo, "{ version = 2 }"));
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
});

test("pitfall 33: a replayed sigrefs entry does not bring an old head back", async () => {
  const repo = await governed(1, 1);
  const key = nth(repo.delegates, 0);
  const first = await commit(repo, "{ version = 1 }");
  await push(repo, key, first);
  await push(repo, key, await commit(repo, "{ version = 2 }", first));
  const chain = (await verifyRepository(repo.repoDir, repo)).chains.get(key.did) ?? [];
  const [tip, before] = [nth(chain, 0), nth(chain, 1)];
  const git = (args: string[], input = "") =>
    execFileSync("git", [`--git-dir=${repo.repoDir}`, ...args], { input, encoding: "utf8" }).trim();
  const oldTree = git(["rev-parse", `${before.commit}^{tree}`]);
  const who = ["-c", "user.name=x", "-c", "user.email=x"];
  const replayed = git([...who, "commit-tree", oldTree, "-p", tip.commit, "-m", "Update signed refs"]);
  const name = namespaced(nidOfDid(key.did), "refs/rad/sigrefs");
  await updateRefs(repo.repoDir, [{ name, value: replayed, old: tip.commit }]);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
});

test("pitfall 33: signed refs below feature level parent are refused", async () => {
  const repo = await governed(1, 1);
  const key = nth(repo.delegates, 0);
  const first = await commit(repo, "{ version = 1 }");
  await push(repo, key, first);
  const chain = (await verifyRepository(repo.repoDir, repo)).chains.get(key.did) ?? [];
  const git = (args: string[], input: string | Uint8Array = "") =>
    execFileSync("git", [`--git-dir=${repo.repoDir}`, ...args], { input, encoding: "utf8" }).trim();
  const text = [...nth(chain, 0).refs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, id]) => `${id} ${name}\n`);
  const blobs = [text.join(""), key.sign(Buffer.from(text.join("")))].map((body) => git(["hash-object", "-w", "--stdin"], body));
  const tree = git(["mktree"], `100644 blob ${blobs[0]}\trefs\n100644 blob ${blobs[1]}\tsignature\n`);
  const who = ["-c", "user.name=x", "-c", "user.email=x"];
  const low = git([...who, "commit-tree", tree, "-p", nth(chain, 0).commit, "-m", "Update signed refs"]);
  const name = namespaced(nidOfDid(key.did), "refs/rad/sigrefs");
  await updateRefs(repo.repoDir, [{ name, value: low, old: nth(chain, 0).commit }]);
  await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
});

test("verifyRepository: pitfall 20: an identity revision needs max(threshold, majority) of those before it", async () => {
  const repo = await governed(5, 4);
  const before = await verifyRepository(repo.repoDir, repo);
  const doc = { ...before.identity.doc, threshold: 1 };
  const [a, b, c, d] = repo.delegates as [SigningKey, SigningKey, SigningKey, SigningKey];
  const change = { repo: repo.repoDir, parent: before.identity.revision, doc, author: a, clock: repo.clock };
  await reviseIdentity({ ...change, acceptedBy: [b, c] });
  assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 4);
  const accepted = await reviseIdentity({ ...change, doc: { ...doc, threshold: 3 }, acceptedBy: [b, c, d] });
  const after = await verifyRepository(repo.repoDir, repo);
  assert.deepEqual([after.threshold, after.identity.revision], [3, accepted]);
  await assert.rejects(verifyRepository(repo.repoDir, repo, { minThreshold: 4 }), failsWith("delegates_invalid"));
});

test("verifyRepository: two accepted revisions of one document are a fork", async () => {
  const repo = await governed(3, 1);
  const before = await verifyRepository(repo.repoDir, repo);
  const [a, b, c] = repo.delegates as [SigningKey, SigningKey, SigningKey];
  const change = { repo: repo.repoDir, parent: before.identity.revision, clock: repo.clock };
  await reviseIdentity({ ...change, author: a, acceptedBy: [b], doc: { ...before.identity.doc, threshold: 2 } });
  assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 2);
  await reviseIdentity({ ...change, author: c, acceptedBy: [b], doc: { ...before.identity.doc, threshold: 3 } });
  await assert.rejects(verifyRepository(repo.repoDir, repo), failsWith("identity_invalid"));
});

test("verifyRepository: one delegate's garbage in the identity silences that delegate only", async () => {
  const repo = await governed(3, 2);
  const first = await commit(repo, "{ version = 1 }");
  for (const key of repo.delegates) await push(repo, key, first);
  const bad = nth(repo.delegates, 2);
  const ref = refs.identityObject(repo.identityRoot);
  await signRefs({ repo: repo.repoDir, key: bad, clock: repo.clock }, (current) => new Map([...current, [ref, first]]));
  const verified = await verifyRepository(repo.repoDir, repo);
  assert.equal(verified.refused.get(bad.did)?.code, "identity_invalid");
  assert.deepEqual((await approvedHead(repo.repoDir, repo, { branch })).signedBy.length, 2);
});

test("verifyRepository: pitfall 35: a revision that was accepted once must stay in the history", async () => {
  const repo = await governed(2, 2);
  const { identity } = await verifyRepository(repo.repoDir, repo);
  const [a, b] = repo.delegates as [SigningKey, SigningKey];
  const change = { repo: repo.repoDir, parent: identity.revision, author: a, acceptedBy: [b], clock: repo.clock };
  const accepted = await reviseIdentity({ ...change, doc: { ...identity.doc, description: "changed" } });
  assert.equal((await verifyRepository(repo.repoDir, repo, { knownRevision: accepted })).identity.revision, accepted);
  const ref = refs.identityObject(repo.identityRoot);
  for (const key of [a, b]) {
    await signRefs({ repo: repo.repoDir, key, clock: repo.clock }, (current) => new Map([...current, [ref, identity.revision]]));
  }
  assert.equal((await verifyRepository(repo.repoDir, repo)).identity.revision, identity.revision);
  await assert.rejects(verifyRepository(repo.repoDir, repo, { knownRevision: accepted }), failsWith("identity_invalid"));
});

test("verifyRepository: another RID, root or storage is refused", async () => {
  const repo = await governed(1, 1);
  const other = await governed(1, 1);
  await assert.rejects(verifyRepository(repo.repoDir, other), failsWith("rid_mismatch"));
  await assert.rejects(verifyRepository(repo.repoDir, { ...repo, rid: other.rid }), failsWith("rid_mismatch"));
  await assert.rejects(verifyRepository(repo.repoDir, { ...repo, rid: "rad:nonsense" }), failsWith("rid_mismatch"));
  await assert.rejects(verifyRepository(await temporaryFolder(), repo), failsWith("git_failed"));
});

test("createRepository: refuses documents that are not sound, and to create a repository twice", async () => {
  const storageDir = await temporaryFolder();
  const [founder] = keys(1) as [SigningKey];
  const spec = { storageDir, name: "policy-x", description: "", founder, delegates: [], threshold: 1, clock: { nowMs: () => 0 } };
  await assert.rejects(createRepository({ ...spec, threshold: 2 }), failsWith("identity_invalid"));
  await assert.rejects(createRepository({ ...spec, threshold: 0 }), failsWith("identity_invalid"));
  await assert.rejects(createRepository({ ...spec, name: "../x" }), failsWith("identity_invalid"));
  await createRepository(spec);
  await assert.rejects(createRepository(spec), failsWith("git_failed"));
  assert.throws(
    () => encodeDocument({ delegates: [founder.did, founder.did], threshold: 1, name: "x", description: "", defaultBranch: "main" }),
    failsWith("identity_invalid"),
  );
});

test("commitFiles: git itself verifies the commit's signature", async () => {
  const repo = await governed(1, 1);
  const id = await commit(repo, "{}");
  const folder = await temporaryFolder();
  const key = nth(repo.delegates, 0);
  const wire = Buffer.concat([Buffer.from("0000000b", "hex"), Buffer.from("ssh-ed25519"), Buffer.from("00000020", "hex"), key.publicKey]);
  writeFileSync(join(folder, "signers"), `* ssh-ed25519 ${wire.toString("base64")}\n`);
  execFileSync("git", [`--git-dir=${repo.repoDir}`, "-c", `gpg.ssh.allowedSignersFile=${folder}/signers`, "verify-commit", id], {
    stdio: "pipe",
  });
  execFileSync("git", [`--git-dir=${repo.repoDir}`, "fsck", "--strict", "--full"], { stdio: "pipe" });
});

test("readTreeFiles, isAncestor: the files of a commit, and what came before it", async () => {
  const repo = await governed(1, 1);
  const first = await commit(repo, "{ version = 1 }");
  const second = await commit(repo, "{ version = 2 }", first);
  const files = await readTreeFiles(repo.repoDir, second, { maxBytes: 1000 });
  assert.deepEqual(
    [...files],
    [
      ["keeper_policy.ncl", "{ version = 2 }"],
      ["lib/rules.ncl", "{}"],
    ],
  );
  await assert.rejects(readTreeFiles(repo.repoDir, second, { maxBytes: 10 }), failsWith("git_failed"));
  assert.equal(await isAncestor(repo.repoDir, first, second), true);
  assert.equal(await isAncestor(repo.repoDir, second, first), false);
});
