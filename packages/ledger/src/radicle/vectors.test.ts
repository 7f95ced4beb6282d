// Heartwood's published examples (rad-init.md, rad-inspect.md, rad-id.md, rad-clean.md), reproduced byte for byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBase58, signingKeyFromSeed } from "@triplane/contract";
import { createObjectWriter } from "../git/index.ts";
import { encodeDocument, type IdentityDocument } from "./identity-doc.ts";
import { writeRevision } from "./identity-entry.ts";
import { blobOfRid, nidOfDid, refs, ridOfBlob } from "./layout.ts";
import { writeSigrefs } from "./sigrefs.ts";

const seeded = (byte: number) => signingKeyFromSeed(new Uint8Array(32).fill(byte));
const alice = seeded(0xff);
const bob = seeded(0xfe);
const timeS = 1_671_125_284;
const head = "f2de534b5e81d7c6e2dcaf58c3dd91573c0a0354";
const doc: IdentityDocument = {
  delegates: [alice.did],
  threshold: 1,
  name: "heartwood",
  description: "Radicle Heartwood Protocol & Stack",
  defaultBranch: "master",
};
const author = { key: alice, alias: "alice", timeS };
const blob = "d96f425412c9f8ad5d9a9a05c9831d0728e2338d";
const root = "0656c217f917c3e06234771e9ecae53aba5e173e";

test("nidOfDid: node ids of heartwood's seeds", () => {
  assert.equal(nidOfDid(alice.did), "z6MknSLrJoTcukLrE435hVNQT4JUhbvWLX4kUzqkEStBU8Vi");
  assert.equal(nidOfDid(bob.did), "z6Mkt67GdsW7715MEfRuP4pSZxJRJh6kj6Y48WRqVv4N1tRk");
  assert.equal(nidOfDid(seeded(0xfd).did), "z6Mkux1aUQD2voWWukVb5nNUR7thrHveQG4pDQua8nVhib7Z");
});

test("encodeDocument, ridOfBlob: heartwood's document, blob and RID", () => {
  const objects = createObjectWriter("unused");
  assert.equal(objects.blob(encodeDocument(doc)), blob);
  assert.equal(ridOfBlob(blob), "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji");
  assert.equal(blobOfRid("rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji"), blob);
  const signature = `z${encodeBase58(alice.sign(Buffer.from(blob, "hex")))}`;
  assert.equal(signature, "z5nGqUvrmfiSyLjNCHWTWYvVMcPUZcvo9TxPKzEKXYBdSgUzbrqf1cYsmpGgbQvYunnsrLSsubEmxZaRdKM4quqQR");
});

test("writeRevision: identity root and second revision commits", async () => {
  const objects = createObjectWriter("unused");
  assert.equal(await writeRevision(objects, author, doc, { title: "Initial revision", description: "" }, undefined), root);
  const second: IdentityDocument = { ...doc, delegates: [alice.did, bob.did], threshold: 2 };
  assert.equal(objects.blob(encodeDocument(second)), "053541ba7b90534b35dd8718e0ceaa408979b02b");
  const text = { title: "Add Bob", description: "Add Bob as a delegate" };
  assert.equal(await writeRevision(objects, author, second, text, root), "0ca42d376bd566631083c8913cf86bec722da392");
});

test("writeSigrefs: signed refs at feature levels root and parent", async () => {
  const objects = createObjectWriter("unused");
  const current = new Map([
    [refs.identityObject(root), root],
    [refs.head("master"), head],
    [refs.identityHead, root],
    [refs.identityRoot, root],
  ]);
  const first = await writeSigrefs(objects, alice, current, undefined, timeS);
  assert.equal(first, "99c549702e2bcfe02b0e68d4a2224fb7a1524529");
  assert.equal(await writeSigrefs(objects, alice, current, first, 0), "990bb9984b28aa09ed9f5e32f16e92b3eed57d34");
});
