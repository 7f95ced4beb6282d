// The simulated ledger passes the contract suite of the real one.
import { type AuditClaims, generateSigningKey, verifyAuditRecord } from "@triplane/contract";
import { buildOp, TEST_RID } from "../builders.ts";
import { buildAdmission, buildAuditRecord } from "../decisions.ts";
import { ledgerWriterContract } from "../ledger-writer-contract.ts";
import { selfRunning } from "./by-themselves.ts";
import { CALM } from "./faults.ts";
import { SimulatedLedger } from "./ledger-writer.ts";

ledgerWriterContract("simulated", async () => {
  const scheduler = selfRunning();
  const controller = generateSigningKey();
  let failing = false;
  const faults = { ...CALM, loses: (what: string, step: string) => failing && what === "request" && step === "ledger.push" };
  const ledger = new SimulatedLedger({ scheduler, faults, workspace: "w1", controller: controller.did, maxBatchRecords: 500 });
  const record = (claims: Partial<AuditClaims> = {}, key = controller) => {
    const { op } = buildOp();
    return verifyAuditRecord(buildAuditRecord(op, buildAdmission(op), claims, { key }).compact);
  };
  return {
    open: async () => {
      failing = false;
      return ledger.open(scheduler.process("mirror"));
    },
    record: () => record(),
    recordOfStranger: () => record({}, generateSigningKey()),
    recordFromElsewhere: () => record({ aud: `w2/${TEST_RID}` }),
    subjects: async () => ledger.records.map(({ claims }) => claims.subject),
    failNext: async () => {
      failing = true;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});
