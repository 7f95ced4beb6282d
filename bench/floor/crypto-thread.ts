// A thread of the floor: signs what an op needs and verifies it as often as the hops must, with node:crypto and nothing around it.
import { generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { generateSigningKey, uuid7 } from "@triplane/contract";
import { tokensOf } from "../ledger/raw-signatures.ts";
import { makeRecord } from "../ledger/records.ts";

export interface SignedBatch {
  readonly ids: readonly string[];
  readonly ops: readonly string[];
  readonly admissions: readonly string[];
  readonly records: readonly string[];
}

const keys = generateKeyPairSync("ed25519");
// Real tokens, for their sizes; what is signed and sent differs from op to op.
const sample = tokensOf([makeRecord(signersOnce(), 1)]);
const [recordSample = "", admissionSample = "", opSample = ""] = sample;

function signersOnce() {
  const one = generateSigningKey();
  return { operator: one, keeper: one, controller: one };
}

function token(like: string, id: string): string {
  const body = `${id}.${like.slice(id.length + 1, like.lastIndexOf("."))}`;
  return `${body}.${sign(null, Buffer.from(body, "ascii"), keys.privateKey).toString("base64url")}`;
}

function isRight(compact: string, publicKey: KeyObject): boolean {
  const end = compact.lastIndexOf(".");
  return verify(null, Buffer.from(compact.slice(0, end), "ascii"), publicKey, Buffer.from(compact.slice(end + 1), "base64url"));
}

function signAndVerify(count: number): SignedBatch {
  const ids = Array.from({ length: count }, () => uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10))));
  const ops = ids.map((id) => token(opSample, id));
  const admissions = ids.map((id) => token(admissionSample, id));
  const records = ids.map((id) => token(recordSample, id));
  let right = 0;
  for (let at = 0; at < count; at += 1)
    for (const compact of [ops[at], admissions[at], ops[at], records[at], admissions[at], ops[at]])
      right += Number(isRight(compact ?? "", keys.publicKey));
  if (right !== 6 * count) throw new Error("a signature of the floor is wrong");
  return { ids, ops, admissions, records };
}

parentPort?.on("message", ({ id, count }: { readonly id: number; readonly count: number }) => {
  parentPort?.postMessage({ id, batch: signAndVerify(count) });
});
