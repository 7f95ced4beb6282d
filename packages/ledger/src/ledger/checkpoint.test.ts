import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { generateSigningKey, verifySignature } from "@triplane/contract";
import { failsWith } from "../testing.ts";
import { checkpointOrigin, noteKeyId, readCheckpoint, signCheckpoint } from "./checkpoint.ts";

const key = generateSigningKey();
const origin = checkpointOrigin("libre-wuji", "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5");
const root = createHash("sha256").update("root").digest();

test("noteKeyId: the key id of golang.org/x/mod/sumdb/note's example verifier key", () => {
  const publicKey = Buffer.from("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "base64").subarray(1);
  assert.equal(noteKeyId("PeterNeumann", publicKey).toString("hex"), "c74f20a3");
});

test("signCheckpoint: a C2SP note that says origin, size, root and time, and reads back", () => {
  const checkpoint = signCheckpoint(origin, 42, root, 1_790_000_000_123, key);
  const lines = checkpoint.note.split("\n");
  assert.deepEqual(lines.slice(0, 5), [origin, "42", root.toString("base64"), "time 1790000000123", ""]);
  const signature = Buffer.from(/^— (\S+) (\S+)$/.exec(lines[5] ?? "")?.[2] ?? "", "base64");
  assert.equal(signature.length, 4 + 64);
  verifySignature(key.did, Buffer.from(`${lines.slice(0, 4).join("\n")}\n`), signature.subarray(4));
  assert.deepEqual(readCheckpoint(checkpoint.note, origin, key.did), checkpoint);
});

test("readCheckpoint: signatures of others are ignored, a missing or wrong one of ours is not", () => {
  const { note } = signCheckpoint(origin, 1, root, 1, key);
  const other = generateSigningKey();
  const witness = `— witness.example/w ${Buffer.alloc(76).toString("base64")}\n`;
  assert.equal(readCheckpoint(`${note}${witness}`, origin, key.did).size, 1);
  const wrong: readonly string[] = [
    "",
    note.slice(0, -1),
    note.replace("\n1\n", "\n2\n"),
    note.replace("time 1", "time 2"),
    note.replace("time 1\n", ""),
    note.replace(/— .*\n/, witness),
    note.replace(/— .*\n/, "- not a signature\n"),
    `${note}${witness.repeat(16)}`,
    `${note}${"x".repeat(20_000)}\n`,
  ];
  for (const text of wrong) assert.throws(() => readCheckpoint(text, origin, key.did), failsWith("ledger_tree_invalid"));
  assert.throws(() => readCheckpoint(note, origin, other.did), failsWith("ledger_tree_invalid"));
  assert.throws(() => readCheckpoint(note, `${origin}x`, key.did), failsWith("ledger_tree_invalid"));
  const foreign = signCheckpoint(`${origin}x`, 1, root, 1, key).note;
  assert.throws(() => readCheckpoint(foreign, origin, key.did), failsWith("ledger_tree_invalid"));
});
