// Signed objects as they come off the bus: the compact form, and behind a valid signature the header and the claims.
import {
  ADMISSION_TYP,
  APPROVAL_TYP,
  AUDIT_TYP,
  generateSigningKey,
  OP_TYP,
  REFUSAL_TYP,
  type SigningKey,
  TriplaneError,
  verifyAdmission,
  verifyApproval,
  verifyAuditRecord,
  verifyOp,
  verifyRefusal,
} from "@triplane/contract";
import { buildAdmission, buildApproval, buildAuditRecord, buildOp, buildRefusal } from "@triplane/testkit";
import { bytesOf, type Door, textOf } from "../door.ts";

const VERIFY = {
  [OP_TYP]: verifyOp,
  [APPROVAL_TYP]: verifyApproval,
  [ADMISSION_TYP]: verifyAdmission,
  [REFUSAL_TYP]: verifyRefusal,
  [AUDIT_TYP]: verifyAuditRecord,
} as const;
type Typ = keyof typeof VERIFY;
const TYPES = Object.keys(VERIFY) as readonly Typ[];

interface Sample {
  readonly typ: Typ;
  readonly key: SigningKey;
  readonly compact: string;
}

/** One of each kind, the later holding the earlier. */
function samples(): readonly Sample[] {
  const key = generateSigningKey();
  const settings = { title: "It runs", replicas: 2 };
  const { compact, op } = buildOp({ args: { component: "web", settings }, reason: "a release" }, { key });
  const approval = buildApproval(op, {}, { key }).compact;
  const admission = buildAdmission(op, { approvals: [approval], basis: "approved" }, { key });
  const refusal = buildRefusal(op, { approvals: [approval], nearest: { target: ["web*"] } }, { key });
  const versions = { state_version_before: 0, state_version_after: 1, workspace_revision: 1 };
  const record = buildAuditRecord(op, admission, { ...versions, evidence: { duration_ms: 12, steps: [] } }, { key });
  return [
    { typ: OP_TYP, key, compact },
    { typ: APPROVAL_TYP, key, compact: approval },
    { typ: ADMISSION_TYP, key, compact: admission.compact },
    { typ: REFUSAL_TYP, key, compact: refusal.compact },
    { typ: AUDIT_TYP, key, compact: record.compact },
  ];
}

/** The compact form of any kind, read as every kind. */
export function compactForm(): Door {
  return {
    seeds: samples().map(({ compact }) => bytesOf(compact)),
    enter: (input) => verifyAsAll(textOf(input)),
  };
}

/** Claims that their issuer really signed. */
export function signedClaims(): Door {
  return resigned(1);
}

/** A header that its issuer really signed. */
export function signedHeader(): Door {
  return resigned(0);
}

function resigned(part: 0 | 1): Door {
  const all = samples();
  const [{ key } = { key: generateSigningKey() }] = all;
  const headers = all.map(({ compact }) => compact.split(".")[0] ?? "");
  const payload = (all[0]?.compact ?? "").split(".")[1] ?? "";
  return {
    seeds: all.map(({ compact }) => Buffer.from(compact.split(".")[part] ?? "", "base64url")),
    enter: (input) => {
      const encoded = Buffer.from(input).toString("base64url");
      // Whatever the claims say, one of the kinds accepts the header.
      const forms = part === 0 ? [`${encoded}.${payload}`] : headers.map((header) => `${header}.${encoded}`);
      const refused = forms.map((form) =>
        refusalOf(() => verifyAsAll(`${form}.${Buffer.from(key.sign(bytesOf(form))).toString("base64url")}`)),
      );
      if (refused.every((error) => error !== undefined)) throw refused[0];
    },
  };
}

/** Settles where one kind accepts it; throws the first refusal where none does, and what is no refusal at once. */
function verifyAsAll(compact: string): void {
  const refused = TYPES.map((typ) => refusalOf(() => VERIFY[typ](compact)));
  if (refused.every((error) => error !== undefined)) throw refused[0];
}

function refusalOf(check: () => unknown): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof TriplaneError) || error.code === "internal") throw error;
    return error;
  }
}
