// A whole workspace in one thread: the product's own classes in processes that can die, over a simulated bus, store, ledger and machine.
import { MirrorLoop, mirrorMetrics } from "@triplane/audit-mirror";
import { type AuditRecord, streamNames, TriplaneError } from "@triplane/contract";
import { MIGRATIONS as CONTROLLER_MIGRATIONS, Controller, controllerMetrics } from "@triplane/controller";
import { Alarms, Desk, KeeperLoop, keeperMayDecide, keeperMetrics, openBucket, PolicyFollower } from "@triplane/keeper";
import type { Metrics } from "@triplane/kit";
import { MAX_BATCH_RECORDS } from "@triplane/ledger";
import { loadKinds, MIGRATIONS as ORCHESTRATOR_MIGRATIONS, OrchestratorService, Records } from "@triplane/orchestrator";
import { policyCommitOf, verifyDecision } from "@triplane/policy";
import { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf } from "@triplane/store";
import {
  type Dice,
  type Faults,
  localCall,
  type Scheduler,
  SimulatedBroker,
  type SimulatedBus,
  SimulatedDatabase,
  SimulatedLedger,
  type SimulatedProcess,
} from "@triplane/testkit";
import { CATALOG, Machines } from "./machines.ts";
import { AUDIENCE, IDENTITY_REVISION, KEYS, POLICIES, type PolicyAt, WORKSPACE } from "./people.ts";
import { type Listening, remoteOrchestrator } from "./remote-orchestrator.ts";
import { type Program, Role, type Surroundings, type Tally } from "./role.ts";
import type { Watch } from "./watch.ts";

/** What is wrong on purpose, to see that it is found. */
export interface Mutation {
  readonly name: string;
  readonly wrapBus?: (bus: SimulatedBus, role: string) => SimulatedBus;
  readonly storeForgetsLastCommit?: boolean;
  readonly ledgerConfirmsBeforePush?: boolean;
  readonly driverIsNotConvergent?: boolean;
}

export interface PlatformOptions {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly dice: Dice;
  readonly watch: Watch;
  readonly tally: Tally;
  readonly mutation: Mutation | undefined;
}

/** So few that the ones held may all be out of turn. */
const MAX_HELD = 3;

const kinds = await loadKinds();
const STORE_RULES = { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf };
const nothing = { add: () => undefined, set: () => undefined, observe: () => undefined };
/** Counts nothing: registries are slow to make, and nobody looks. */
const NO_METRICS: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
  text: async () => "",
  contentType: "",
};

export class Platform {
  readonly broker: SimulatedBroker;
  readonly controllerDatabase: SimulatedDatabase;
  readonly orchestratorDatabase: SimulatedDatabase;
  readonly ledger: SimulatedLedger;
  readonly machines: Machines;
  readonly roles: readonly Role[];
  readonly setAside = new Set<string>();
  readonly #options: PlatformOptions;
  #listening: Listening | undefined;
  #policyHead: 0 | 1 = 0;

  constructor(options: PlatformOptions) {
    const { scheduler, faults, dice, watch, tally, mutation } = options;
    this.#options = options;
    this.broker = new SimulatedBroker(scheduler, WORKSPACE, watch);
    const isServer = dice.chance(0.6);
    const store = { scheduler, faults, rules: STORE_RULES, forgetsLastCommit: mutation?.storeForgetsLastCommit ?? false };
    this.controllerDatabase = new SimulatedDatabase({ ...store, migrations: CONTROLLER_MIGRATIONS, isServer });
    this.orchestratorDatabase = new SimulatedDatabase({ ...store, migrations: ORCHESTRATOR_MIGRATIONS });
    this.ledger = new SimulatedLedger({
      scheduler,
      faults,
      workspace: WORKSPACE,
      controller: KEYS.controller.did,
      maxBatchRecords: MAX_BATCH_RECORDS,
      confirmsBeforePush: mutation?.ledgerConfirmsBeforePush ?? false,
    });
    this.machines = new Machines({ scheduler, faults }, mutation?.driverIsNotConvergent !== true);
    const skew = dice.pick([0, 0, 2000, 20_000]);
    const role = (name: string, program: Program): Role =>
      new Role({ name, scheduler, broker: this.broker, faults, dice: dice.fork(name), skewMs: dice.between(-skew, skew), program, tally });
    const hasStandby = dice.chance(0.6);
    this.roles = [
      role("keeper", (surroundings) => this.#keeper(surroundings)),
      role("controller-a", (surroundings) => this.#controller(surroundings, hasStandby)),
      ...(hasStandby ? [role("controller-b", (surroundings) => this.#controller(surroundings, true))] : []),
      role("orchestrator", (surroundings) => this.#orchestrator(surroundings)),
      role("mirror", (surroundings) => this.#mirror(surroundings)),
    ];
  }

  role(process: SimulatedProcess): Role | undefined {
    return this.roles.find((role) => role.process === process);
  }

  /** The newer policy is what enough people signed from now on; each process sees it when its copy of the repository has it. */
  movePolicy(): void {
    this.#policyHead = 1;
    this.#options.scheduler.trace("repository", "the newer policy is approved");
  }

  #connect(surroundings: Surroundings, role: string): SimulatedBus {
    const bus = surroundings.connect();
    return this.#options.mutation?.wrapBus?.(bus, role) ?? bus;
  }

  async #keeper(surroundings: Surroundings): Promise<void> {
    const { process, signal, logger, dice } = surroundings;
    const { clock } = process;
    const bus = this.#connect(surroundings, "keeper");
    const bucket = await openBucket(bus, WORKSPACE);
    const alarms = new Alarms(bus, WORKSPACE, clock, logger);
    const follower = new PolicyFollower({
      ...AUDIENCE,
      source: this.#repository(surroundings),
      bucket,
      clock,
      assertMayDecide: keeperMayDecide(KEYS.keeper.did),
    });
    const desk = new Desk({ bus, bucket, audience: AUDIENCE, key: KEYS.keeper, clock, logger, alarms });
    const loop = new KeeperLoop({
      workspace: WORKSPACE,
      ...{ bus, desk, follower, alarms, clock, logger, signal },
      random: dice.random,
      metrics: keeperMetrics(NO_METRICS),
      pollMs: 2000,
      rescanMs: 10_000,
      maxHeld: MAX_HELD,
    });
    await loop.run();
  }

  async #controller(surroundings: Surroundings, standby: boolean): Promise<void> {
    const { process, signal, logger, dice } = surroundings;
    const controller = new Controller({
      ...AUDIENCE,
      key: KEYS.controller,
      bus: this.#connect(surroundings, "controller"),
      source: this.#repository(surroundings),
      orchestrator: remoteOrchestrator({ ...this.#options, listening: () => this.#listening }, process),
      openStore: () => this.controllerDatabase.open(process),
      clock: process.clock,
      random: dice.random,
      logger,
      metrics: controllerMetrics(NO_METRICS),
      signal,
      owner: process.name,
      leaseTtlMs: 10_000,
      pollMs: 2000,
      parallel: 8,
      maxDeliveries: 10,
      maxHeld: MAX_HELD,
    });
    await controller.run(standby ? undefined : await controller.takeLease());
  }

  async #orchestrator({ process, signal, logger }: Surroundings): Promise<void> {
    const store = await this.orchestratorDatabase.open(process);
    const records = await Records.load(store, process.clock);
    const done = Promise.withResolvers<void>();
    const service = new OrchestratorService({
      workspace: WORKSPACE,
      records,
      driver: this.machines.driver(process),
      catalog: CATALOG,
      clock: process.clock,
      kinds,
      desired: undefined,
      signal,
      onFatal: (error) => done.reject(error),
    });
    const resumed = await service.resume();
    if (resumed > 0) logger.info({ ops: resumed }, "going on with ops that were running");
    this.#listening = { process, service };
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    if (signal.aborted) stopped.resolve();
    await Promise.race([done.promise, stopped.promise]);
    if (this.#listening.process === process) this.#listening = undefined;
    await service.idle();
    await store.close();
  }

  async #mirror(surroundings: Surroundings): Promise<void> {
    const { process, signal, logger, dice } = surroundings;
    const source = this.#repository(surroundings);
    const known = new Map<string, PolicyAt>();
    const approved = async (commit: string): Promise<PolicyAt> => {
      const { commit: head } = await source.approvedHead();
      if (!(await source.isApprovedStep(commit, head)))
        throw new TriplaneError("unavailable", `the policy commit ${commit} is not here yet`);
      return await source.load(commit);
    };
    const loop = new MirrorLoop({
      bus: this.#connect(surroundings, "mirror"),
      rules: { ...AUDIENCE, controller: KEYS.controller.did },
      openLedger: () => this.ledger.open(process),
      checker: {
        groundsFor: () => Promise.reject(new TriplaneError("succession_unapproved", "no key changes in a simulation")),
        // As the adapter over a repository on disk.
        check: async (checked: AuditRecord | { readonly record: AuditRecord }) => {
          const { decision } = ("record" in checked ? checked.record : checked).claims;
          const commit = policyCommitOf(decision);
          const policy = known.get(commit) ?? (await approved(commit));
          known.set(commit, policy);
          verifyDecision({ compact: decision, audience: AUDIENCE, policyAt: (at) => (at === commit ? policy : undefined) });
        },
      },
      keepAside: ({ digest }) =>
        localCall(this.#options, process, "ledger.write", () => {
          this.setAside.add(digest);
        }),
      limits: { maxRecords: 256, maxBytes: 8 * 1024 * 1024, maxWaitMs: 500 },
      metrics: mirrorMetrics(NO_METRICS),
      clock: process.clock,
      random: dice.random,
      logger,
      signal,
    });
    await loop.open();
    await loop.run();
  }

  /** A copy of the policy repository, which may lag behind. */
  #repository({ process, dice }: Surroundings) {
    const { scheduler } = this.#options;
    const lagMs = dice.chance(0.5) ? 0 : dice.between(0, 8000);
    let headSinceMs: number | undefined;
    const head = (): PolicyAt => {
      if (this.#policyHead === 1) headSinceMs ??= scheduler.nowMs;
      return POLICIES[headSinceMs !== undefined && scheduler.nowMs >= headSinceMs + lagMs ? 1 : 0];
    };
    const read = <T>(perform: () => T): Promise<T> =>
      localCall(this.#options, process, "repository.read", perform, () => new TriplaneError("git_failed", "git ended with an error"));
    const indexOf = (commit: string): number => POLICIES.findIndex((each) => each.commit === commit);
    return {
      approvedHead: () => read(() => ({ commit: head().commit, identityRevision: IDENTITY_REVISION })),
      isApprovedStep: (commit: string, at: string) => read(() => indexOf(commit) >= 0 && indexOf(commit) <= indexOf(at)),
      load: (commit: string) =>
        read(() => {
          const found = POLICIES[indexOf(commit)];
          if (found === undefined) throw new TriplaneError("git_failed", `there is no commit ${commit}`);
          return found;
        }),
    };
  }
}

/** Nothing is left to do: streams and outbox are empty, no op is on its way. */
export function isQuiet(platform: Platform): boolean {
  const { broker, controllerDatabase, orchestratorDatabase } = platform;
  const names = streamNames(WORKSPACE);
  if (broker.stream(names.pending).messages.size > 0 || broker.stream(names.cmd).messages.size > 0) return false;
  for (const { stream, durable } of [
    { stream: names.audit, durable: "audit-mirror" },
    { stream: names.review, durable: "keeper-approvals" },
  ]) {
    const { pending, unacked } = broker.consumerState(stream, durable);
    if (pending > 0 || unacked > 0) return false;
  }
  if (controllerDatabase.rows("outbox").size > 0) return false;
  for (const row of controllerDatabase.rows("ops").values()) if (row["state"] !== "finished") return false;
  for (const row of orchestratorDatabase.rows("ops").values()) if (row["status"] === "running") return false;
  return true;
}
