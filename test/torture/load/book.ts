// What the campaign knows of its ops: which must land, which have, and which version each target probably has.
import type { LoadStep, SeatReport } from "./step.ts";

interface Entry {
  readonly id: number | undefined;
  readonly issuer: string;
  readonly target: string;
  readonly storedAtMs: number;
  sent: boolean;
  outcome: string | undefined;
}

/** An op that is under way to a target. */
interface Coming {
  readonly id: number;
  /** The version that it was made for; unknown where the orchestrator was asked, which is then believed. */
  readonly expected: number | undefined;
}

export class Book {
  readonly #entries = new Map<string, Entry>();
  readonly #versions = new Map<string, number>();
  readonly #coming = new Map<string, Coming[]>();
  readonly #stored = new Set<number>();
  ordered = 0;

  /** Notes that a step is given to a seat, and returns for which version it should be made. */
  order(step: LoadStep): { readonly expectedVersion: number; readonly askFirst: boolean } {
    this.ordered += 1;
    const coming = this.#coming.get(step.target) ?? [];
    let version = this.#versions.get(step.target) ?? 0;
    for (const { expected } of coming) if (expected === undefined || expected === version) version += 1;
    // What the orchestrator says now is of no use to an op that others are ahead of.
    const askFirst = step.planned && coming.length === 0;
    if (step.changes) this.#coming.set(step.target, [...coming, { id: step.id, expected: askFirst ? undefined : version }]);
    return { expectedVersion: version, askFirst };
  }

  /** Steps that a seat took with it when it died; those that it had stored are in its outbox. */
  drop(steps: ReadonlySet<number>): void {
    const gone = (id: number): boolean => steps.has(id) && !this.#stored.has(id);
    for (const [target, coming] of this.#coming)
      this.#coming.set(
        target,
        coming.filter(({ id }) => !gone(id)),
      );
  }

  take(report: SeatReport): void {
    if (report.told === "stored") {
      const { id, issuer, jti, target } = report;
      this.#entries.set(jti, { id, issuer, target, storedAtMs: performance.now(), sent: false, outcome: undefined });
      this.#stored.add(id);
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
    const entry = this.#entries.get(jti) ?? {
      id: undefined,
      issuer,
      target,
      storedAtMs: performance.now(),
      sent: true,
      outcome: undefined,
    };
    this.#coming.set(
      target,
      (this.#coming.get(target) ?? []).filter(({ id }) => id !== entry.id),
    );
    this.#entries.set(jti, entry);
    entry.sent = true;
    entry.outcome = code === undefined ? outcome : `${outcome} ${code}`;
    if (versionAfter !== undefined) this.#versions.set(target, Math.max(versionAfter, this.#versions.get(target) ?? 0));
  }
}
