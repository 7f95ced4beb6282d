// Known wrong orders of steps, each as a change of the product's text, the step at which a death shows it, and the promise that it breaks.
//
// The calls of `failpoint` are the anchors where that is possible: they stay at the place that their name says.
import type { Failpoint, InvariantId } from "@triplane/contract";

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Has to be there exactly once. */
  readonly find: string;
  readonly put: string;
}

export interface Mutant {
  readonly name: string;
  /** What is wrong with it, for people. */
  readonly wrong: string;
  readonly process: string;
  readonly edits: readonly Edit[];
  readonly diesAt: Failpoint;
  /** Once the op has its outcome, its decision comes a second time. */
  readonly comesAgain?: true;
  readonly breaks: InvariantId;
}

const KEEPER = "packages/signing/keeper/src";
const CONTROLLER = "packages/workload/controller/src";
const ORCHESTRATOR = "packages/workload/orchestrator/src";
const MIRROR = "packages/workload/audit-mirror/src";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "keeper-acks-first",
    wrong: "the keeper acks an op before it publishes the decision",
    process: "keeper-daemon",
    edits: [
      {
        file: `${KEEPER}/performer.ts`,
        find: 'failpoint("keeper.before-publish");',
        put: 'await message?.ackConfirmed(); failpoint("keeper.before-publish");',
      },
    ],
    diesAt: "keeper.before-publish",
    breaks: "publish-before-ack",
  },
  {
    name: "controller-acks-first",
    wrong: "the controller acks a decision before its row is on disk",
    process: "ops-controller",
    edits: [
      {
        file: `${CONTROLLER}/intake.ts`,
        find: 'failpoint("controller.before-persist");',
        put: 'for (const { of } of steps) await of.message.ackConfirmed(); failpoint("controller.before-persist");',
      },
    ],
    diesAt: "controller.before-persist",
    breaks: "persist-before-ack",
  },
  {
    name: "controller-resumes-nothing",
    wrong: "the controller never looks for ops that were accepted and not ended",
    process: "ops-controller",
    edits: [
      {
        file: `${CONTROLLER}/take-up.ts`,
        find: "applier.resume(await records.unfinished());",
        put: "applier.resume([]);",
      },
    ],
    diesAt: "controller.after-ack",
    breaks: "applied-once",
  },
  {
    name: "controller-leaves-its-outbox",
    wrong: "the controller publishes what it puts into the outbox itself, and nothing that it finds there",
    process: "ops-controller",
    edits: [
      {
        file: `${CONTROLLER}/publisher.ts`,
        find: 'await this.#publishAll(await records.outbox("audit", BATCH));',
        put: "await this.#publishAll([]);",
      },
    ],
    diesAt: "controller.before-publish",
    breaks: "every-command-lands",
  },
  {
    name: "controller-without-outbox",
    wrong: "the controller commits a result without an outbox row and publishes from memory",
    process: "ops-controller",
    edits: [
      {
        file: `${CONTROLLER}/adapters/store-records.ts`,
        find: `expect: { state: "accepted" } },
      { kind: "create", table: "outbox", id: row.subject, document: documentOf(outbox) },
    ]);`,
        put: `expect: { state: "accepted" } },
    ]);`,
      },
    ],
    diesAt: "controller.after-record",
    breaks: "every-command-lands",
  },
  {
    name: "controller-trusts-the-broker",
    wrong: "the controller takes every message that the broker delivers for a new one, instead of asking its rows",
    process: "ops-controller",
    edits: [
      {
        file: `${CONTROLLER}/intake.ts`,
        find: "await Promise.all(proven.map(({ decision }) => records.known(subjectsOf(decision))));",
        put: "proven.map(() => ({ byJti: undefined, byDigest: undefined }));",
      },
      {
        file: `${CONTROLLER}/adapters/store-records.ts`,
        find: 'writes.push({ kind: "create", table: "ops", id: row.subject, document: documentOf(row) });',
        put: 'writes.push({ kind: "delete", table: "ops", id: row.subject }, { kind: "create", table: "ops", id: row.subject, document: documentOf(row) });',
      },
    ],
    diesAt: "controller.before-ack",
    comesAgain: true,
    breaks: "applied-once",
  },
  {
    name: "orchestrator-forgets-ops",
    wrong: "the orchestrator does not remember by its jti that it applied an op",
    process: "orchestrator",
    edits: [
      {
        file: `${ORCHESTRATOR}/service.ts`,
        find: "const row = await this.#parts.records.op(jti);",
        put: "const row = undefined;",
      },
      {
        file: `${ORCHESTRATOR}/records.ts`,
        find: 'const writes: readonly Write[] = [{ kind: "create", table: "ops", id: row.jti, document: opDocument(row) }];',
        put: 'const writes: readonly Write[] = [{ kind: "delete", table: "ops", id: row.jti }, { kind: "create", table: "ops", id: row.jti, document: opDocument(row) }];',
      },
    ],
    diesAt: "controller.after-apply",
    breaks: "applied-once",
  },
  {
    name: "orchestrator-resumes-nothing",
    wrong: "the orchestrator does not go on at start with what it was applying",
    process: "orchestrator",
    edits: [
      {
        file: `${ORCHESTRATOR}/run.ts`,
        find: "const resumed = await service.resume();",
        put: "const resumed = 0;",
      },
    ],
    diesAt: "orchestrator.after-intent",
    breaks: "applied-once",
  },
  {
    name: "mirror-acks-first",
    wrong: "the mirror acks records before it writes them",
    process: "audit-mirror",
    edits: [
      {
        file: `${MIRROR}/run.ts`,
        find: "const held = this.#batch.take();",
        put: "const held = this.#batch.take(); await Promise.all(held.map(({ message }) => message.ackConfirmed()));",
      },
    ],
    diesAt: "mirror.before-write",
    breaks: "persist-before-ack",
  },
  {
    name: "mirror-forgets-records",
    wrong: "the mirror does not ask the ledger whether it has a record",
    process: "audit-mirror",
    edits: [
      {
        file: "packages/ledger/src/ledger/writer.ts",
        find: "if (fresh.has(subject) || (await this.has(subject))) skipped.push(subject);",
        put: "if (fresh.has(subject)) skipped.push(subject);",
      },
    ],
    diesAt: "mirror.before-ack",
    breaks: "every-command-lands",
  },
];
