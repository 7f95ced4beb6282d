// What this room's tests share: folders that go away, keys, a clock that is set by hand, repositories, chains of signed records.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import {
  type AuditClaims,
  type AuditRecord,
  type Clock,
  digestOf,
  type FailureCode,
  generateSigningKey,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signOp,
  signRefusal,
  TriplaneError,
  uuid7,
  verifyAuditRecord,
} from "@triplane/contract";
import { type LedgerWriter, openLedgerWriter } from "./ledger/writer.ts";
import { type CreatedRepository, createRepository } from "./radicle/repository.ts";

export const START_MS = 1_790_000_000_000;
export const WORKSPACE = "libre-wuji";
export const POLICY_RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
export const POLICY_FILES = new Map([["keeper_policy.ncl", "{ version = 1 }"]]);

export function manualClock(startMs: number = START_MS): Clock & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** A folder that is removed after the tests of the file. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-ledger-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function keys(count: number): SigningKey[] {
  return Array.from({ length: count }, generateSigningKey);
}

export interface Governed extends CreatedRepository {
  readonly delegates: readonly SigningKey[];
  readonly clock: ReturnType<typeof manualClock>;
}

/** A repository governed by `threshold` of `count` fresh keys. */
export async function governed(count: number, threshold: number, name = "policy-libre-wuji"): Promise<Governed> {
  const delegates = keys(count);
  const clock = manualClock();
  const storageDir = await temporaryFolder();
  const spec = { storageDir, name, description: "for tests", founder: nth(delegates, 0), delegates, threshold, clock };
  return { ...(await createRepository(spec)), delegates, clock };
}

export interface TestLedger extends Governed {
  readonly controller: SigningKey;
  readonly pin: { readonly rid: string; readonly identityRoot: string };
  openWriter(): Promise<LedgerWriter>;
  /** Appends batches of these sizes with a writer that is closed again; returns all records. */
  fill(...batches: readonly number[]): Promise<readonly AuditRecord[]>;
  readonly source: RecordSource;
}

export async function testLedger(): Promise<TestLedger> {
  const repo = await governed(1, 1, `${WORKSPACE}-state`);
  const controller = nth(repo.delegates, 0);
  const pin = { rid: repo.rid, identityRoot: repo.identityRoot };
  const source = new RecordSource(controller, repo.clock);
  const openWriter = () => openLedgerWriter({ repoDir: repo.repoDir, key: controller, pin, clock: repo.clock });
  return {
    ...repo,
    controller,
    pin,
    source,
    openWriter,
    async fill(...batches) {
      const writer = await openWriter();
      const all: AuditRecord[] = [];
      try {
        for (const size of batches) {
          const records = Array.from({ length: size }, () => source.next());
          await writer.append(records);
          all.push(...records);
          repo.clock.advance(1000);
        }
      } finally {
        await writer.close();
      }
      return all;
    },
  };
}

/** Makes records whose chain is well-formed: op by an operator, decision by a keeper, record by the controller. */
export class RecordSource {
  readonly operator: SigningKey = generateSigningKey();
  readonly keeper: SigningKey = generateSigningKey();
  readonly #controller: SigningKey;
  readonly #clock: Clock;
  #seq = 0;
  #count = 0;

  constructor(controller: SigningKey, clock: Clock) {
    this.#controller = controller;
    this.#clock = clock;
  }

  /** The next op of the operator, applied. `skip` leaves sequence numbers out before it. */
  next(claims: Partial<AuditClaims> = {}, options: { readonly skip?: number; readonly signer?: SigningKey } = {}): AuditRecord {
    this.#seq += 1 + (options.skip ?? 0);
    const { nowS, op, jti } = this.#op(this.#seq);
    const decision = signAdmission({ ...this.#decided(nowS, op, jti), rule: "auto-apps", basis: "auto" }, this.keeper);
    return this.#record({ decision, basis: "admission", outcome: "applied", subject: jti, target: "web", ...claims }, nowS, options.signer);
  }

  /** An admitted op whose jti another op has, filed under the digest of its bytes. */
  reused(claims: Partial<AuditClaims> = {}): AuditRecord {
    this.#seq += 1;
    const { nowS, op, jti } = this.#op(this.#seq);
    const decision = signAdmission({ ...this.#decided(nowS, op, jti), rule: "auto-apps", basis: "auto" }, this.keeper);
    const filed = { subject: digestOf(op), outcome: "refused", code: "jti_reused" } as const;
    return this.#record({ decision, basis: "admission", target: "web", ...filed, ...claims }, nowS);
  }

  /** A refused op that consumed its number or did not. */
  refused(consumesSeq: boolean): AuditRecord {
    if (consumesSeq) this.#seq += 1;
    const { nowS, op, jti } = this.#op(this.#seq);
    const claims = { ...this.#decided(nowS, op, jti), code: "policy_denied", fact: "no rule", consumes_seq: consumesSeq };
    const decision = signRefusal(claims, this.keeper);
    return this.#record({ decision, basis: "refusal", outcome: "refused", subject: jti, code: "policy_denied" }, nowS);
  }

  #op(seq: number) {
    const nowS = Math.floor(this.#clock.nowMs() / 1000);
    this.#count += 1;
    const random = Uint8Array.from({ length: 10 }, (_, at) =>
      at < 4 ? (this.#count >> (8 * at)) & 0xff : Math.floor(Math.random() * 256),
    );
    const jti = uuid7(this.#clock.nowMs(), random);
    const claims = { aud: `${WORKSPACE}/${POLICY_RID}`, jti, iat: nowS, exp: nowS + 600, seq, op: "component.deploy", target: "web" };
    return { nowS, jti, op: signOp({ ...claims, scope: "apps", expected_state_version: seq - 1, args: { version: seq } }, this.operator) };
  }

  #decided(nowS: number, op: string, jti: string) {
    const list = [...POLICY_FILES].map(([path, text]) => [path, digestOf(text).slice("sha256:".length)]);
    const policy = { rid: POLICY_RID, commit: "0123456789abcdef0123456789abcdef01234567", digest: digestOf(JSON.stringify(list)) };
    const aud = `${WORKSPACE}/${POLICY_RID}`;
    return { aud, op, op_jti: jti, op_digest: digestOf(op), policy, approvals: [], facts: {}, decided_at: nowS };
  }

  #record(
    claims: Pick<AuditClaims, "decision" | "basis" | "outcome" | "subject"> & Partial<AuditClaims>,
    nowS: number,
    signer: SigningKey = this.#controller,
  ): AuditRecord {
    const decision_digest = digestOf(claims.decision);
    const rest = { aud: `${WORKSPACE}/${POLICY_RID}`, accepted_at: nowS, finished_at: nowS, evidence: {} };
    return verifyAuditRecord(signAuditRecord({ ...rest, decision_digest, ...claims }, signer));
  }
}

/** Runs git on a repository as an attacker or a person would. */
export function git(repoDir: string, args: readonly string[], input: string | Uint8Array = ""): string {
  const who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
  return execFileSync("git", [...who, `--git-dir=${repoDir}`, ...args], {
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  }).trim();
}

/** For assert.rejects and assert.throws: matches on the code. */
export function failsWith(code: FailureCode): (thrown: unknown) => boolean {
  return (thrown) => {
    if (thrown instanceof TriplaneError && thrown.code === code) return true;
    throw thrown;
  };
}

export function nth<T>(items: readonly T[], index: number): T {
  const item = items.at(index);
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}
