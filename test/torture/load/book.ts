// What the campaign knows of its ops: which must land, which have, and which version each target probably has.
import type { LoadStep, SeatReport } from "./step.ts";

interface Entry {
  readonly issuer: string;
  readonly target: string;
  readonly storedAtMs: number;
  sent: boolean;
  outcome: string | undefined;
}

export class Book {
  readonly #entries = new Map<string, Entry>();
  readonly #versions = new Map<string, number>();
  readonly #open = new Map<string, number>();
  ordered = 0;

  /** The version that the target has when all that is under way has been applied. */
  expectedVersion(step: LoadStep): number {
    return (this.#versions.get(step.target) ?? 0) + (this.#open.get(step.target) ?? 0);
  }

  take(report: SeatReport): void {
    if (report.told === "stored") {
      const { issuer, jti, target } = report;
      this.#entries.set(jti, { issuer, target, storedAtMs: performance.now(), sent: false, outcome: undefined });
      this.#open.set(target, (this.#open.get(target) ?? 0) + 1);
    } else if (report.told === "sent") {
      const entry = this.#entries.get(report.jti);
      if (entry !== undefined) entry.sent = true;
    } else if (report.told === "outcome") this.#finish(report);
  }

  /** How many ops ended how, like `applied` or `refused scope_exceeded`. */
  outcomes(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { outcome } of this.#entries.values()) counts.set(outcome ?? "open", (counts.get(outcome ?? "open") ?? 0) + 1);
    return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get stored(): number {
    return this.#entries.size;
  }

  get finished(): number {
    return [...this.#entries.values()].filter(({ outcome }) => outcome !== undefined).length;
  }

  /** Ops that were on disk and have no outcome, oldest first. */
  open(): readonly {
    readonly jti: string;
    readonly issuer: string;
    readonly target: string;
    readonly sent: boolean;
    readonly ageMs: number;
  }[] {
    const nowMs = performance.now();
    const open = [...this.#entries].filter(([, { outcome }]) => outcome === undefined);
    return open
      .map(([jti, { issuer, target, sent, storedAtMs }]) => ({ jti, issuer, target, sent, ageMs: nowMs - storedAtMs }))
      .sort((a, b) => b.ageMs - a.ageMs);
  }

  /** Everything that was reported as stored. */
  jtis(): readonly string[] {
    return [...this.#entries.keys()];
  }

  #finish({ issuer, jti, target, outcome, code, versionAfter }: Extract<SeatReport, { told: "outcome" }>): void {
    // One that was stored by a seat that died before it could say so.
    const entry = this.#entries.get(jti) ?? { issuer, target, storedAtMs: performance.now(), sent: true, outcome: undefined };
    if (this.#entries.has(jti) && entry.outcome === undefined) this.#open.set(target, Math.max(0, (this.#open.get(target) ?? 0) - 1));
    this.#entries.set(jti, entry);
    entry.sent = true;
    entry.outcome = code === undefined ? outcome : `${outcome} ${code}`;
    if (versionAfter !== undefined) this.#versions.set(target, Math.max(versionAfter, this.#versions.get(target) ?? 0));
  }
}
