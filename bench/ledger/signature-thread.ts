// A thread that only verifies signatures: the raw cost against which a verification is held.
import { createPublicKey, verify } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { didOfPublicKey, publicKeyOfDid } from "@triplane/contract";

export interface SignatureWork {
  /** Compact tokens. */
  readonly tokens: readonly string[];
  readonly rounds: number;
}

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const { tokens, rounds } = workerData as SignatureWork;

// Everything but the verification itself is done before the clock runs.
const signatures = tokens.map((compact) => {
  const end = compact.lastIndexOf(".");
  const header = JSON.parse(Buffer.from(compact.slice(0, compact.indexOf(".")), "base64url").toString("utf8")) as { readonly kid: string };
  const publicKey = publicKeyOfDid(header.kid);
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  if (didOfPublicKey(publicKey) !== header.kid) throw new Error("not a key");
  return { key, input: Buffer.from(compact.slice(0, end), "ascii"), signature: Buffer.from(compact.slice(end + 1), "base64url") };
});

parentPort?.on("message", () => {
  let right = 0;
  for (let round = 0; round < rounds; round += 1)
    for (const { key, input, signature } of signatures) right += Number(verify(null, input, key, signature));
  parentPort?.postMessage(right);
});
parentPort?.postMessage("ready");
