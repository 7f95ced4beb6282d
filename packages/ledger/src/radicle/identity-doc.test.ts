import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { failsWith } from "../testing.ts";
import { decodeDocument, encodeDocument, type IdentityDocument, radicleJson, revisionQuorum } from "./identity-doc.ts";
import { blobOfRid, ridOfBlob } from "./layout.ts";

const [a, b, c] = [generateSigningKey().did, generateSigningKey().did, generateSigningKey().did];
const doc: IdentityDocument = { delegates: [a, b, c], threshold: 2, name: "x", description: "é \u0001", defaultBranch: "main" };

test("encodeDocument, decodeDocument: canonical both ways", () => {
  const text = encodeDocument(doc);
  assert.deepEqual(decodeDocument(Buffer.from(text)), doc);
  assert.equal(radicleJson({ b: "e\u0301", a: [1, null, true] }), '{"a":[1,null,true],"b":"é"}');
  assert.throws(() => radicleJson({ a: 0.5 }), failsWith("identity_invalid"));
});

test("decodeDocument: refuses what is not canonical, not sound, or not JSON", () => {
  const text = encodeDocument(doc);
  const wrong = [
    "",
    "[]",
    "{}",
    `${text} `,
    text.replace('"threshold":2', '"threshold":4'),
    text.replace('"threshold":2', '"threshold":0'),
    text.replace('"threshold":2', '"threshold":1.5'),
    text.replace('"threshold":2', '"threshold":"2"'),
    text.replace(b, a),
    text.replace(b, "did:key:z6Mkx"),
    text.replace(b, "did:web:example.org"),
    text.replace('"defaultBranch":"main"', '"defaultBranch":"../x"'),
    text.replace('"name":"x"', '"name":"a/b"'),
    text.replace('"name":"x"', '"nom":"x"'),
    text.replace('"threshold":2', '"threshold":2,"threshold":1'),
    text.replace("xyz.radicle.project", "xyz.radicle.other"),
  ];
  for (const bytes of wrong) assert.throws(() => decodeDocument(Buffer.from(bytes)), failsWith("identity_invalid"), bytes);
});

test("revisionQuorum: the larger of threshold and majority", () => {
  const quorum = (count: number, threshold: number) =>
    revisionQuorum({ ...doc, delegates: Array.from({ length: count }, () => a), threshold });
  assert.deepEqual([quorum(1, 1), quorum(2, 1), quorum(5, 1), quorum(5, 4), quorum(4, 2)], [1, 2, 3, 4, 3]);
});

test("blobOfRid: only the one way to write an id", () => {
  const rid = ridOfBlob("d96f425412c9f8ad5d9a9a05c9831d0728e2338d");
  assert.equal(blobOfRid(rid), "d96f425412c9f8ad5d9a9a05c9831d0728e2338d");
  for (const wrong of ["", "rad:", rid.slice(4), `${rid}1`, rid.replace("z", "Z"), "rad:z../../etc"]) {
    assert.throws(() => blobOfRid(wrong), failsWith("rid_mismatch"), wrong);
  }
});
