// A receipt file that somebody hands to an auditor.
import { generateSigningKey, verifyAuditRecord } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { createRepository, makeReceipt, openLedgerWriter, parseReceipt, policyDigest, verifyReceipt } from "@triplane/ledger";
import { buildAdmission, buildAuditRecord, buildOp, TEST_COMMIT, TEST_RID, tempDir } from "@triplane/testkit";
import { bytesOf, type Door, textOf } from "../door.ts";

const FILES = new Map([["keeper_policy.ncl", "{ version = 1 }"]]);

/** A receipt of a real ledger with one record. */
async function realReceipt(): Promise<string> {
  await using folder = await tempDir("fuzz-receipt");
  const key = generateSigningKey();
  const made = await createRepository({
    ...{ storageDir: folder.path, name: "w1-state", description: "for tests", clock: systemClock },
    ...{ founder: key, delegates: [key], threshold: 1 },
  });
  const pin = { rid: made.rid, identityRoot: made.identityRoot };
  const { op } = buildOp({}, { clock: systemClock });
  const policy = { rid: TEST_RID, commit: TEST_COMMIT, digest: policyDigest(FILES) };
  const record = verifyAuditRecord(buildAuditRecord(op, buildAdmission(op, { policy }), {}, { key }).compact);
  const writer = await openLedgerWriter({ repoDir: made.repoDir, key, pin, clock: systemClock });
  await writer.append([record]);
  await writer.close();
  return JSON.stringify(await makeReceipt(made.repoDir, pin, op.claims.jti, { policyFiles: async () => FILES }));
}

export async function receipts(): Promise<Door> {
  const receipt = await realReceipt();
  return {
    seeds: [bytesOf(receipt), bytesOf(JSON.stringify(JSON.parse(receipt), undefined, 2))],
    words: ["proof", "checkpoint", "identity_root", "policy_files", "state_identity", "anchors", "record", "index", "inclusion"],
    // A receipt that proves nothing is reported step by step, not thrown.
    enter: (input) => verifyReceipt(parseReceipt(textOf(input))),
  };
}
