import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Did, SigningKey } from "@triplane/contract";
import { createObjectWriter, objectId } from "../../git/index.ts";
import { failsWith, governed, keys, nth } from "../../testing.ts";
import { approvedHead } from "../approved-head.ts";
import { isApprovedStep } from "../approved-step.ts";
import { encodeDocument } from "../identity-doc.ts";
import { writeAcceptance, writeRevision } from "../identity-entry.ts";
import { reviseIdentity } from "../repository.ts";
import { verifyRepository } from "../verify.ts";
import { branch, join, policyCommit, signIdentity, vote, votes } from "./scene.ts";

describe("attack: counting", () => {
  it("attack: one delegate counted twice: voting again, and again for what follows, is one vote", async () => {
    const repo = await governed(3, 2);
    const first = await policyCommit(repo, "{ version = 1 }");
    const second = await policyCommit(repo, "{ version = 2 }", first);
    for (const commit of [first, first, second, first, second]) await vote(repo, 0, commit);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
    await vote(repo, 1, second);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch })).signedBy.length, 2);
  });

  it("attack: over-count of implicit votes: four votes from three delegates, as Radicle counts them, are three", async () => {
    const repo = await governed(4, 4);
    const first = await policyCommit(repo, "{ version = 1 }");
    await votes(repo, [0, 1, 2], first);
    await vote(repo, 2, await policyCommit(repo, "{ version = 2 }", first));
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  });

  it("attack: unverified intermediate policy: a vote for what looks innocent is none for what lies below it (CVE-2026-128036)", async () => {
    const repo = await governed(3, 2);
    const accepted = await policyCommit(repo, "{ version = 1 }");
    await votes(repo, [0, 1, 2], accepted);
    const evil = await policyCommit(repo, "{ version = 2, anybody_may = 'Everything }", accepted);
    const innocent = await policyCommit(repo, "{ version = 1, comment = 'Fixed }", evil);
    // The attacker stays on what lies below; the colleague was shown the difference from the accepted policy to the innocent one.
    await vote(repo, 0, evil);
    await vote(repo, 1, innocent);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, lastAccepted: accepted })).commit, accepted);
    // And once the innocent one is approved, no past decision may name the other.
    await vote(repo, 0, innocent);
    const head = await approvedHead(repo.repoDir, repo, { branch, lastAccepted: accepted });
    assert.equal(head.commit, innocent);
    const step = { branch, head: head.commit, minThreshold: 2 };
    assert.equal(await isApprovedStep(repo.repoDir, repo, evil, step), false);
    for (const commit of [accepted, innocent]) assert.equal(await isApprovedStep(repo.repoDir, repo, commit, step), true);
  });

  it("attack: rollback of the canonical head by one delegate", async () => {
    const repo = await governed(2, 2);
    const first = await policyCommit(repo, "{ version = 1 }");
    const second = await policyCommit(repo, "{ version = 2 }", first);
    for (const commit of [first, second]) await votes(repo, [0, 1], commit);
    await vote(repo, 1, first);
    // What the two signed before stands again: whoever remembers the newer one refuses to go back to it.
    assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, lastAccepted: second }), failsWith("policy_rollback"));
  });

  it("attack: CI keys that would reach M alone: where it is known who holds which key, keys of nobody have no say", async () => {
    const repo = await governed(5, 2);
    const [ana, ben, cleo] = repo.delegates as [SigningKey, SigningKey, SigningKey];
    const people = new Map<Did, string>([ana, ben, cleo].map((key, at) => [key.did, nth(["ana", "ben", "cleo"], at)]));
    const first = await policyCommit(repo, "{ image = 1 }");
    await votes(repo, [3, 4], first);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch })).commit, first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, people }), failsWith("quorum_not_reached"));
    await vote(repo, 0, first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, people }), failsWith("quorum_not_reached"));
    await vote(repo, 1, first);
    assert.deepEqual(new Set((await approvedHead(repo.repoDir, repo, { branch, people })).signedBy), new Set([ana.did, ben.did]));
  });

  it("attack: one person with two keys who would reach M alone", async () => {
    const repo = await governed(3, 2);
    const [laptop, phone, ben] = repo.delegates as [SigningKey, SigningKey, SigningKey];
    const people = new Map<Did, string>([
      [laptop.did, "ana"],
      [phone.did, "ana"],
      [ben.did, "ben"],
    ]);
    const first = await policyCommit(repo, "{ version = 1 }");
    await votes(repo, [0, 1], first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch, people }), failsWith("quorum_not_reached"));
    assert.equal(
      await isApprovedStep(repo.repoDir, repo, first, { branch, head: await policyCommit(repo, "{}", first), minThreshold: 2, people }),
      false,
    );
    await vote(repo, 2, first);
    assert.equal((await approvedHead(repo.repoDir, repo, { branch, people })).commit, first);
  });

  it("attack: duplicate signatures: one delegate's acceptance of an identity document twice is one", async () => {
    const repo = await governed(5, 3);
    const [a, b] = repo.delegates as [SigningKey, SigningKey];
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const doc = { ...identity.doc, threshold: 1 };
    const change = { repo: repo.repoDir, parent: identity.revision, doc, clock: repo.clock };
    const revision = await reviseIdentity({ ...change, author: a, acceptedBy: [b, b, b, a] });
    assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 3);
    // Nor do copies of the acceptance, committed again at another time.
    const objects = createObjectWriter(repo.repoDir);
    const blob = objectId("blob", Buffer.from(encodeDocument(doc)));
    const again = await writeAcceptance(objects, { key: b, alias: "somebody-else", timeS: 1 }, revision, blob, revision);
    await objects.flush();
    await signIdentity(repo, nth(repo.delegates, 2), again);
    assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 3);
  });

  it("attack: threshold 0: a document that asks for nobody is no document, whoever signed it (CVE-2026-23992)", async () => {
    const repo = await governed(2, 2);
    const { identity } = await verifyRepository(repo.repoDir, repo);
    for (const threshold of [0, -1, 3]) assert.throws(() => encodeDocument({ ...identity.doc, threshold }), failsWith("identity_invalid"));
    const [a, b] = repo.delegates as [SigningKey, SigningKey];
    const objects = createObjectWriter(repo.repoDir);
    // Written past our own writer: the same entry with another text in the place of the document.
    const honest = encodeDocument({ ...identity.doc, threshold: 1 });
    const bent = {
      ...objects,
      blob: (content: string | Uint8Array) => objects.blob(content === honest ? honest.replace('"threshold":1', '"threshold":0') : content),
    };
    const author = { key: a, alias: "a", timeS: 1_790_000_000 };
    const revision = await writeRevision(
      bent,
      author,
      { ...identity.doc, threshold: 1 },
      { title: "Nobody", description: "" },
      identity.revision,
    );
    const blob = objectId("blob", Buffer.from(honest.replace('"threshold":1', '"threshold":0')));
    const tip = await writeAcceptance(objects, { ...author, key: b }, revision, blob, revision);
    await objects.flush();
    await signIdentity(repo, a, tip);
    const verified = await verifyRepository(repo.repoDir, repo);
    assert.deepEqual([verified.threshold, verified.refused.get(a.did)?.code], [2, "identity_invalid"]);
  });

  it("attack: the same key under two names: a document that lists a key twice is none", async () => {
    const repo = await governed(2, 2);
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const [a] = repo.delegates as [SigningKey];
    const twice = { ...identity.doc, delegates: [a.did, a.did] };
    assert.throws(() => encodeDocument(twice), failsWith("identity_invalid"));
    // The same 32 bytes under another spelling are no key at all.
    const spelt = `${a.did.slice(0, "did:key:z".length)}1${a.did.slice("did:key:z".length)}` as Did;
    assert.throws(() => encodeDocument({ ...identity.doc, delegates: [a.did, spelt] }), failsWith("identity_invalid"));
  });

  it("attack: a stranger's votes: whoever is no delegate has none, with a namespace of their own or without", async () => {
    const repo = await governed(2, 2);
    const [stranger] = keys(1) as [SigningKey];
    await join(repo, stranger);
    const first = await policyCommit(repo, "{ version = 666 }");
    await vote(repo, stranger, first);
    await vote(repo, 0, first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  });
});
