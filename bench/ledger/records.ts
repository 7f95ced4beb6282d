// Records for a ledger that is only measured: op, admission and audit record, each signed, as small as real ones.
import {
  type AuditRecord,
  type Clock,
  digestOf,
  parseToken,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signingKeyFromSeed,
  signOp,
  uuid7,
} from "@triplane/contract";

export const WORKSPACE = "libre-wuji";
const POLICY_RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const AUDIENCE = `${WORKSPACE}/${POLICY_RID}`;
const POLICY = { rid: POLICY_RID, commit: "0123456789abcdef0123456789abcdef01234567", digest: digestOf("policy") } as const;
const START_MS = 1_790_000_000_000;

/** The same three keys in every process that is given these seeds. */
export interface Seeds {
  readonly operator: Uint8Array;
  readonly keeper: Uint8Array;
  readonly controller: Uint8Array;
}

export interface Signers {
  readonly operator: SigningKey;
  readonly keeper: SigningKey;
  readonly controller: SigningKey;
}

export function signersOf(seeds: Seeds): Signers {
  return {
    operator: signingKeyFromSeed(seeds.operator),
    keeper: signingKeyFromSeed(seeds.keeper),
    controller: signingKeyFromSeed(seeds.controller),
  };
}

export const fixedClock: Clock = { nowMs: () => START_MS };

/** The compact record of the op with this number, from 0: the same bytes whoever makes it, and whenever. */
export function makeRecord(signers: Signers, number: number): string {
  const decidedAtS = Math.floor(START_MS / 1000);
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(6, number);
  const jti = uuid7(START_MS + number, random);
  const op = signOp(
    {
      aud: AUDIENCE,
      jti,
      iat: decidedAtS,
      exp: decidedAtS + 600,
      seq: number + 1,
      op: "component.deploy",
      target: `flags-${number % 100}`,
      scope: "components",
      expected_state_version: number,
      args: { component: "flags", settings: { banner: "green", limit: number } },
      reason: "weekly release",
    },
    signers.operator,
  );
  const decision = signAdmission(
    {
      aud: AUDIENCE,
      op,
      op_jti: jti,
      op_digest: digestOf(op),
      policy: POLICY,
      rule: "auto-apps",
      basis: "auto",
      approvals: [],
      facts: {},
      decided_at: decidedAtS,
    },
    signers.keeper,
  );
  return signAuditRecord(
    {
      aud: AUDIENCE,
      subject: jti,
      basis: "admission",
      decision,
      decision_digest: digestOf(decision),
      outcome: "applied",
      target: `flags-${number % 100}`,
      state_version_before: number,
      state_version_after: number + 1,
      workspace_revision: number + 1,
      accepted_at: decidedAtS,
      finished_at: decidedAtS,
      evidence: { driver: "file", generation: number + 1 },
    },
    signers.controller,
  );
}

/** What the writer needs to know of a record; that the signature is right is the bench's own doing. */
export function recordOf(compact: string): AuditRecord {
  const token = parseToken(compact, "audit+jwt");
  return { token, claims: token.payload as unknown as AuditRecord["claims"] };
}
