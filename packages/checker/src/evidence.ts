// Everything that the checks look at, read once, in an order in which a system that runs cannot look wrong only because it moved on.
//
// 1. What is further along is read first, against the way of an op: ledger, effects, orchestrator, controller, outboxes. Whatever is found there
//    must be found in what is read later, where it came from.
// 2. Then the streams, along the way of an op, and after them database and ledger again. Whatever left a stream must be found there.
import { readdir } from "node:fs/promises";
import { type Governed, type Pin, readGoverned } from "./git/governed.ts";
import type { Sources } from "./options.ts";
import { type Read, reading } from "./report.ts";
import { type BusState, readBus } from "./sources/bus.ts";
import { type ControllerRows, readControllerRows } from "./sources/controller.ts";
import { type EffectLine, readEffects } from "./sources/effects.ts";
import { type Ledger, LedgerReading } from "./sources/ledger.ts";
import { type OrchestratorRows, readOrchestratorRows } from "./sources/orchestrator.ts";
import { type Outboxes, readOutboxes } from "./sources/outboxes.ts";
import { type EvaluatedPolicy, evaluatePolicy, type PolicyHistory, readPolicyHistory } from "./sources/policy.ts";
import { type RunnerSeen, readLocalRunners } from "./sources/pool.ts";
import { type Processes, readProcesses } from "./sources/processes.ts";
import { runVerifier, type VerifierRun, type VerifierSource } from "./sources/rerun.ts";

/** A source that was read at two times. */
export interface Twice<T> {
  /** Before the streams. */
  readonly early: T;
  /** After the streams. */
  readonly late: T;
}

export interface Evidence {
  readonly workspace: string;
  readonly pins: { readonly policy: Pin; readonly state: Pin; readonly controller: string };
  readonly audience: string;
  readonly ports: { readonly nats: number; readonly orchestrator: number } | undefined;
  readonly state: Read<Governed>;
  readonly ledger: Read<Ledger>;
  /** Records that were there when the reading began. */
  readonly earlyLedgerSize: number;
  readonly policy: Read<PolicyHistory>;
  readonly controller: Read<Twice<ControllerRows>>;
  readonly orchestrator: Read<Twice<OrchestratorRows>>;
  readonly outboxes: Read<Outboxes>;
  readonly bus: Read<BusState>;
  readonly effects: Read<readonly EffectLine[]>;
  readonly processes: Read<Processes>;
  /** Digests, as hexadecimal file names, of what the mirror set aside. */
  readonly aside: ReadonlySet<string>;
  readonly reruns: Read<readonly VerifierRun[]>;
  /** What the provider of machines has; undefined where nothing says where to look. */
  readonly runners: Read<readonly RunnerSeen[]> | undefined;
}

export type SourceName =
  | "ledger"
  | "policy"
  | "controller"
  | "orchestrator"
  | "outboxes"
  | "bus"
  | "effects"
  | "processes"
  | "reruns"
  | "runners";

export interface EvidenceOptions {
  readonly nickel: string;
  readonly verifier: VerifierSource | undefined;
  /** What is left out is not read. */
  readonly needs: ReadonlySet<SourceName>;
}

const NOT_ASKED = { ok: false, why: "no check that was asked for needs it" } as const;

export async function gather(sources: Sources, options: EvidenceOptions): Promise<Evidence> {
  const { workspace, pins } = sources;
  const asked = <T>(name: SourceName, read: () => Promise<Read<T>>): Promise<Read<T>> =>
    options.needs.has(name) ? read() : Promise.resolve(NOT_ASKED);
  const terms = { workspace, rid: pins.state.rid };
  const ledgerReading = new LedgerReading(terms);
  const firstLedger = await asked("ledger", () =>
    reading("the ledger", async () => ledgerReading.readOn(await readGoverned(sources.stateRepo, pins.state))),
  );
  const earlyLedgerSize = ledgerReading.size;
  const effects = await asked("effects", () => effectsEvidence(sources.effects));
  const orchestrator = await twice(
    options.needs.has("orchestrator"),
    "the orchestrator's database",
    sources.orchestratorStore,
    readOrchestratorRows,
  );
  const controller = await twice(options.needs.has("controller"), "the controller's database", sources.controllerStore, readControllerRows);
  const outboxes = await asked("outboxes", () => reading("the outboxes", () => readOutboxes(sources.outboxes)));
  const { nats } = sources;
  const bus = await asked("bus", async () => {
    if (nats === undefined) return { ok: false, why: "NATS: nothing says where it is and with which identity to ask it" };
    return await reading<BusState>(`NATS at ${nats.url}`, () =>
      readBus(nats, workspace, new Set([pins.controller, ...ledgerReading.controllers])),
    );
  });
  // Between the two readings of the database: a lease that was over before has no runner, and one that is known after may have one.
  const { runnersDir } = sources;
  const runners =
    runnersDir === undefined
      ? undefined
      : await asked("runners", () => reading(`the runners in ${runnersDir}`, () => readLocalRunners(runnersDir)));
  const controllerTwice = await controller.again();
  const orchestratorTwice = await orchestrator.again();
  const state = await reading("the state repository", () => readGoverned(sources.stateRepo, pins.state));
  const ledger = !firstLedger.ok
    ? firstLedger
    : await reading("the ledger", async () => {
        if (!state.ok) throw new Error(state.why);
        await ledgerReading.readOn(state.value);
        return ledgerReading.result(sources.stateRepo);
      });
  const { processes, aside } = sources;
  return {
    ...{ workspace, pins, audience: `${workspace}/${pins.policy.rid}`, ports: sources.ports },
    ...{ state, ledger, earlyLedgerSize, effects, outboxes, bus, runners },
    controller: controllerTwice,
    orchestrator: orchestratorTwice,
    policy: await asked("policy", () => policyEvidence(sources, ledger, controllerTwice, options.nickel)),
    processes: await asked("processes", async () => {
      if (processes === undefined) return { ok: false, why: "nothing says which processes belong to the workspace" };
      return await reading("processes", () => readProcesses(processes));
    }),
    aside: new Set(aside === undefined ? [] : await readdir(aside).catch(() => [])),
    reruns: await asked("reruns", () => rerunEvidence(options)),
  };
}

async function effectsEvidence(path: string | undefined): Promise<Read<readonly EffectLine[]>> {
  if (path === undefined) return { ok: false, why: "nothing says where the journal of effects is" };
  return await reading("the journal of effects", () => readEffects(path));
}

async function twice<S, T>(
  isAsked: boolean,
  what: string,
  source: S | undefined,
  read: (source: S) => Promise<T>,
): Promise<{ again(): Promise<Read<Twice<T>>> }> {
  if (!isAsked) return { again: async () => NOT_ASKED };
  if (source === undefined) return { again: async () => ({ ok: false, why: `${what}: nothing says where it is` }) };
  const early = await reading(what, () => read(source));
  if (!early.ok) return { again: async () => early };
  return { again: () => reading(what, async () => ({ early: early.value, late: await read(source) })) };
}

async function policyEvidence(
  sources: Sources,
  ledger: Read<Ledger>,
  controller: Read<Twice<ControllerRows>>,
  nickel: string,
): Promise<Read<PolicyHistory>> {
  return await reading("the policy repository", async () => {
    const history = await readPolicyHistory(sources.policyRepo, sources.pins.policy);
    const named = new Set([history.head]);
    for (const { decision } of ledger.ok ? ledger.value.records : []) if (decision !== undefined) named.add(decision.policy.commit);
    for (const { decision } of controller.ok ? controller.value.late.ops.values() : [])
      if (decision !== undefined) named.add(decision.policy.commit);
    // Any of them may have ratified what broke the glass.
    if (ledger.ok && ledger.value.records.some(({ decision }) => decision?.basis === "break_glass"))
      for (const commit of history.commits.keys()) named.add(commit);
    const evaluated = new Map<string, Read<EvaluatedPolicy>>();
    for (const commit of named) {
      const policy = history.commits.get(commit);
      if (policy !== undefined) evaluated.set(commit, await evaluatePolicy(nickel, policy));
    }
    return { ...history, evaluated };
  });
}

async function rerunEvidence({ verifier }: EvidenceOptions): Promise<Read<readonly VerifierRun[]>> {
  if (verifier === undefined) return { ok: false, why: "nothing says how to run the product's own verifier" };
  return await reading("the product's own verifier", () => runVerifier(verifier));
}
