// What scenes read off signed records.
import {
  type AdmissionClaims,
  type AuditRecord,
  type Json,
  type RefusalClaims,
  TriplaneError,
  verifyAdmission,
  verifyRefusal,
} from "@triplane/contract";

/** The admission inside a record. Throws `chain_broken` if it holds a refusal. */
export function admissionIn(record: AuditRecord): AdmissionClaims {
  if (record.claims.basis !== "admission")
    throw new TriplaneError("chain_broken", `${record.claims.subject} was refused: ${record.claims.code ?? ""}`);
  return verifyAdmission(record.claims.decision).claims;
}

/** The refusal inside a record. Throws `chain_broken` if it holds an admission. */
export function refusalIn(record: AuditRecord): RefusalClaims {
  if (record.claims.basis !== "refusal") throw new TriplaneError("chain_broken", `${record.claims.subject} was admitted`);
  return verifyRefusal(record.claims.decision).claims;
}

/** Where the components of an applied op answer, as the orchestrator's evidence says. */
export function endpointsIn(record: AuditRecord): readonly string[] {
  const steps = record.claims.evidence["steps"];
  if (!Array.isArray(steps)) return [];
  return (steps as readonly Json[]).flatMap((step) => {
    const endpoints = typeof step === "object" && step !== null && "endpoints" in step ? step.endpoints : undefined;
    return Array.isArray(endpoints) ? endpoints.filter((each): each is string => typeof each === "string") : [];
  });
}

/** `sha256:1234…` for people. */
export function brief(digest: string): string {
  return `${digest.slice(0, 19)}…`;
}
