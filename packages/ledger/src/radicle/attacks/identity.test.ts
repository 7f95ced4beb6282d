import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SigningKey } from "@triplane/contract";
import { createObjectWriter, updateRefs } from "../../git/index.ts";
import { failsWith, governed, keys, nth } from "../../testing.ts";
import { approvedHead } from "../approved-head.ts";
import { encodeDocument } from "../identity-doc.ts";
import { writeAcceptance, writeRevision } from "../identity-entry.ts";
import { namespaced, nidOfDid, refs } from "../layout.ts";
import { reviseIdentity } from "../repository.ts";
import { writeSigrefs } from "../sigrefs.ts";
import { verifyRepository } from "../verify.ts";
import { branch, join, placeSigrefs, policyCommit, signIdentity, sigrefsTip, vote, votes } from "./scene.ts";

const text = { title: "Change the delegates", description: "" };

describe("attack: identity", () => {
  it("attack: second identity root under the same RID: whoever pinned the first refuses the other", async () => {
    const repo = await governed(3, 2);
    const founder = nth(repo.delegates, 0);
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const [first] = identity.documents;
    assert.ok(first !== undefined);
    // The founder signs the same first document once more: the RID is the same, and all that follows is the founder's alone.
    const objects = createObjectWriter(repo.repoDir);
    const root = await writeRevision(
      objects,
      { key: founder, alias: "founder", timeS: 1_790_000_001 },
      first,
      { title: "Again", description: "" },
      undefined,
    );
    const current = new Map([
      [refs.identityObject(root), root],
      [refs.identityHead, root],
      [refs.identityRoot, root],
    ]);
    const tip = await sigrefsTip(repo, founder);
    const signed = await writeSigrefs(objects, founder, current, tip, 1_790_000_001);
    await objects.flush();
    await placeSigrefs(repo, founder, signed);
    await updateRefs(repo.repoDir, [{ name: namespaced(nidOfDid(founder.did), refs.identityObject(root)), value: root, old: undefined }]);
    const verified = await verifyRepository(repo.repoDir, repo);
    assert.deepEqual([verified.threshold, verified.refused.get(founder.did)?.code], [2, "sigrefs_invalid"]);
    const evil = await policyCommit(repo, "{ version = 666 }");
    await vote(repo, 1, evil);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("sigrefs_invalid"));
  });

  it("attack: back-dated sibling identity revision: two documents that replace one are a fork, whatever their dates say", async () => {
    const repo = await governed(3, 2);
    const [a, b, c] = repo.delegates as [SigningKey, SigningKey, SigningKey];
    const before = await verifyRepository(repo.repoDir, repo);
    const [d] = keys(1) as [SigningKey];
    await join(repo, d);
    // c is taken out and replaced …
    const doc = { ...before.identity.doc, delegates: [a.did, b.did, d.did] };
    const accepted = await reviseIdentity({
      repo: repo.repoDir,
      parent: before.identity.revision,
      doc,
      author: a,
      acceptedBy: [b],
      clock: repo.clock,
    });
    assert.equal((await verifyRepository(repo.repoDir, repo)).identity.revision, accepted);
    // … and later writes, with a's stolen former key, a sibling dated a year before it.
    const objects = createObjectWriter(repo.repoDir);
    const old = { alias: "x", timeS: 1_758_000_000 };
    const sibling = await writeRevision(
      objects,
      { ...old, key: c },
      { ...before.identity.doc, threshold: 1 },
      text,
      before.identity.revision,
    );
    const target = objects.blob(encodeDocument({ ...before.identity.doc, threshold: 1 }));
    const tip = await writeAcceptance(objects, { ...old, key: a }, sibling, target, sibling);
    await objects.flush();
    await signIdentity(repo, c, tip);
    await assert.rejects(verifyRepository(repo.repoDir, repo), failsWith("identity_invalid"));
    await assert.rejects(verifyRepository(repo.repoDir, repo, { knownRevision: accepted }), failsWith("identity_invalid"));
  });

  it("attack: unverified intermediate identity: a document that the quorum never signed has no children (CVE-2026-128036)", async () => {
    const repo = await governed(3, 2);
    const [a] = repo.delegates as [SigningKey];
    const { identity } = await verifyRepository(repo.repoDir, repo);
    // One delegate alone makes a document with their own keys, and those accept the next.
    const own = keys(2) as [SigningKey, SigningKey];
    const objects = createObjectWriter(repo.repoDir);
    const author = { key: a, alias: "a", timeS: 1_790_000_000 };
    const mine = { ...identity.doc, delegates: [a.did, own[0].did, own[1].did] };
    const middle = await writeRevision(objects, author, mine, text, identity.revision);
    const last = await writeRevision(objects, { ...author, key: own[0] }, { ...mine, threshold: 1 }, text, middle);
    const tip = await writeAcceptance(
      objects,
      { ...author, key: own[1] },
      last,
      objects.blob(encodeDocument({ ...mine, threshold: 1 })),
      last,
    );
    await objects.flush();
    await signIdentity(repo, a, tip);
    const after = await verifyRepository(repo.repoDir, repo);
    assert.deepEqual([after.identity.revision, after.delegates], [identity.revision, identity.doc.delegates]);
  });

  it("attack: later delegates ignored: who was taken out has no vote, who came has one (CVE-2026-128035)", async () => {
    const repo = await governed(3, 2);
    const [a, b, c] = repo.delegates as [SigningKey, SigningKey, SigningKey];
    const first = await policyCommit(repo, "{ version = 1 }");
    await votes(repo, [0, 1, 2], first);
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const [d] = keys(1) as [SigningKey];
    await join(repo, d);
    const doc = { ...identity.doc, delegates: [a.did, b.did, d.did] };
    await reviseIdentity({ repo: repo.repoDir, parent: identity.revision, doc, author: a, acceptedBy: [b], clock: repo.clock });
    const second = await policyCommit(repo, "{ version = 2 }", first);
    await vote(repo, a, second);
    await vote(repo, c, second);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: first })).commit, first);
    await vote(repo, d, second);
    const head = await approvedHead(repo.repoDir, repo, { branch, lastAccepted: first });
    assert.deepEqual([head.commit, new Set(head.signedBy)], [second, new Set([a.did, d.did])]);
  });

  it("attack: the founder's first document brought back: it does not return while anybody knows the one that replaced it", async () => {
    const repo = await governed(3, 2);
    const founder = nth(repo.delegates, 0);
    const evil = await policyCommit(repo, "{ version = 666 }");
    await vote(repo, founder, evil);
    // In the first document the founder decides alone; they sign that nothing came after it.
    await signIdentity(repo, founder, repo.identityRoot);
    assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 2);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  });

  it("attack: a memory that is given up: an identity that lost an accepted revision is refused by whoever saw it", async () => {
    const repo = await governed(2, 2);
    const [a, b] = repo.delegates as [SigningKey, SigningKey];
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const change = { repo: repo.repoDir, parent: identity.revision, author: a, acceptedBy: [b], clock: repo.clock };
    const accepted = await reviseIdentity({ ...change, doc: { ...identity.doc, description: "changed" } });
    for (const key of [a, b]) await signIdentity(repo, key, identity.revision);
    await assert.rejects(verifyRepository(repo.repoDir, repo, { knownRevision: accepted }), failsWith("identity_invalid"));
  });
});
