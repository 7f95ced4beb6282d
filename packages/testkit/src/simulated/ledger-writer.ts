// A ledger in memory and in virtual time: a batch is written first, and counts from the moment at which it is pushed.
import { type AuditRecord, type Did, digestOf, failpoint, TriplaneError } from "@triplane/contract";
import type { Checkpoint, LedgerWriter } from "@triplane/ledger";
import { type Faults, localCall } from "./faults.ts";
import type { Scheduler, SimulatedProcess } from "./scheduler.ts";

export interface SimulatedLedgerOptions {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly workspace: string;
  readonly controller: Did;
  readonly maxBatchRecords: number;
  /** For proofs that this would be noticed: a batch is confirmed when it is written, and pushed afterwards. */
  readonly confirmsBeforePush?: boolean;
}

/** What stays when the processes end. */
export class SimulatedLedger {
  readonly #options: SimulatedLedgerOptions;
  readonly #records: AuditRecord[] = [];
  readonly #subjects = new Set<string>();
  #checkpoint: Checkpoint | undefined;
  #holder: SimulatedProcess | undefined;

  constructor(options: SimulatedLedgerOptions) {
    this.#options = options;
  }

  get records(): readonly AuditRecord[] {
    return this.#records;
  }

  has(subject: string): boolean {
    return this.#subjects.has(subject);
  }

  /** Throws `ledger_locked` where another process writes. */
  open(process: SimulatedProcess): Promise<LedgerWriter> {
    return localCall(this.#options, process, "ledger.read", () => {
      if (this.#holder?.alive === true) throw new TriplaneError("ledger_locked", `the ledger is held by ${this.#holder.name}`);
      this.#holder = process;
      return this.#writerOf(process);
    });
  }

  #writerOf(process: SimulatedProcess): LedgerWriter {
    let state: "open" | "spent" | "closed" = "open";
    let size = this.#records.length;
    let checkpoint = this.#checkpoint;
    const assertOpen = (): void => {
      if (state !== "open") throw new TriplaneError("git_failed", `the ledger's writer is ${state}: open it again`);
    };
    const { workspace, confirmsBeforePush, maxBatchRecords, scheduler } = this.#options;
    const failed = () => new TriplaneError("git_failed", "git ended with an error");
    return {
      workspace,
      controller: this.#options.controller,
      // No key changes in a simulation.
      successor: undefined,
      handOver: () => Promise.reject(new TriplaneError("git_failed", "no key waits for the ledger")),
      get size() {
        return size;
      },
      get checkpoint() {
        return checkpoint;
      },
      has: async (subject) => {
        assertOpen();
        return localCall(this.#options, process, "ledger.read", () => this.#subjects.has(subject));
      },
      append: async (records) => {
        assertOpen();
        for (const record of records) this.#assertOurs(record);
        if (records.length > maxBatchRecords)
          throw new TriplaneError("ledger_record_invalid", `a batch of ${records.length} records is more than ${maxBatchRecords}`);
        const fresh = new Map<string, AuditRecord>();
        const skipped: string[] = [];
        for (const record of records) {
          const { subject } = record.claims;
          if (fresh.has(subject) || this.#subjects.has(subject)) skipped.push(subject);
          else fresh.set(subject, record);
        }
        if (fresh.size === 0) return { commit: undefined, size, skipped };
        state = "spent";
        const batch = [...fresh.values()];
        failpoint("mirror.before-write");
        await localCall(this.#options, process, "ledger.write", () => undefined, failed);
        failpoint("mirror.after-write");
        failpoint("mirror.before-push");
        const push = () => localCall(this.#options, process, "ledger.push", () => this.#push(process, batch), failed);
        if (confirmsBeforePush === true) {
          scheduler.plan(50, process, () => void push().catch(() => undefined));
          size += batch.length;
        } else {
          await push();
          size = this.#records.length;
        }
        failpoint("mirror.after-push");
        checkpoint = this.#checkpoint;
        state = "open";
        return { commit: digestOf(`commit ${size}`).slice(-40), size, skipped };
      },
      tidy: async () => assertOpen(),
      close: async () => {
        if (state !== "closed" && this.#holder === process) this.#holder = undefined;
        state = "closed";
      },
    };
  }

  #push(process: SimulatedProcess, batch: readonly AuditRecord[]): void {
    const fresh = batch.filter(({ claims }) => !this.#subjects.has(claims.subject));
    for (const record of fresh) {
      this.#records.push(record);
      this.#subjects.add(record.claims.subject);
    }
    const timeMs = Math.max(process.clock.nowMs(), this.#checkpoint?.timeMs ?? 0);
    // Not the Merkle root that a real ledger has; only that it changes with every record is relied upon.
    const root = digestOf(`${this.#checkpoint?.root ?? ""} ${batch.map(({ token }) => token.digest).join(" ")}`);
    this.#checkpoint = { size: this.#records.length, root, timeMs, note: "" };
    this.#options.scheduler.trace(process.name, `pushed ${batch.map(({ claims }) => claims.subject).join(", ")}`);
  }

  /** Throws `ledger_record_invalid`. */
  #assertOurs({ claims, token }: AuditRecord): void {
    const { workspace, controller } = this.#options;
    if (token.kid !== controller)
      throw new TriplaneError("ledger_record_invalid", `record ${claims.subject} was signed by ${token.kid}, not by the ops-controller`);
    if (!claims.aud.startsWith(`${workspace}/`))
      throw new TriplaneError("ledger_record_invalid", `record ${claims.subject} is for ${claims.aud}, not for ${workspace}`);
  }
}
