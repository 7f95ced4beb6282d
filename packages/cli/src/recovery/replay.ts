// Rebuilds from the ledger what a workspace has lost: the controller's database, the orchestrator's, the keeper's numbers.
//
// 1. Nothing of the workspace runs meanwhile, but for NATS and the mirror, which first brings in what waits for the ledger.
// 2. What is there stays as it is; what the controller's database has and the ledger has not counts as well, and is published again.
// 3. Stopped anywhere, a second run comes to the same; until then nothing starts on what is not whole. `no-fail-open`
import { join } from "node:path";
import { type AuditRecord, buckets, nowSeconds, TriplaneError, toTriplaneError, verifyAuditRecord } from "@triplane/contract";
import * as controller from "@triplane/controller";
import { bucketStanding, type FillReport, fillBucket, openNumbers } from "@triplane/keeper";
import { isApprovedStep, repositoryDir } from "@triplane/ledger";
import * as orchestrator from "@triplane/orchestrator";
import type { CommandContext } from "../framework/command.ts";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import { withBus } from "../people/connect.ts";
import { decisionsFromRepository } from "../people/decisions.ts";
import { POLICY_MIN_THRESHOLD, policySource } from "../people/policy.ts";
import { anyPlaneRuns } from "../planes/launch.ts";
import { databaseFolder } from "./past.ts";
import { type ProvenLedger, proveLedger } from "./proven-records.ts";
import { besideTheBus } from "./running-bus.ts";

export interface ReplayOptions {
  readonly layout: HomeLayout;
  readonly workspace: WorkspaceFile;
  /** The ledger, or a mirror clone of it. */
  readonly ledgerDir: string;
}

/** What became of the controller's database. */
export interface ControllerPart {
  readonly did: "rebuilt" | "kept";
  readonly ops: number;
  /** Records that the ledger lacks, which go out again at the next start. */
  readonly publishedAgain: number;
  /** Ops in hand, which go on at the next start. */
  readonly inHand: number;
}

export interface OrchestratorPart {
  readonly did: "rebuilt" | "kept";
  readonly stateHash: string;
  readonly targets?: number;
  readonly revision?: number;
  readonly inexact: orchestrator.RebuildReport["inexact"];
}

export interface KeeperPart extends Partial<FillReport> {
  readonly did: "rebuilt" | "kept";
}

export interface ReplayReport {
  readonly ledger: { readonly dir: string; readonly size: number; readonly root: string };
  readonly controller: ControllerPart;
  readonly orchestrator: OrchestratorPart;
  /** Absent where only databases were rebuilt beside the workspace. */
  readonly keeper?: KeeperPart;
  /** Streams that were made anew. */
  readonly streams: readonly string[];
}

/** Throws `store_locked` while a plane runs, what is wrong with the ledger, and what the parts throw. */
export async function replayInPlace(options: ReplayOptions, context: CommandContext): Promise<ReplayReport> {
  const { layout, workspace } = options;
  if (await anyPlaneRuns(layout))
    throw new TriplaneError("store_locked", "the workspace runs", { hint: "`triplane down` first, or rehearse beside it with --into." });
  return await besideTheBus(layout, workspace, context, async ({ lost }) => {
    const ledger = await prove(options, context);
    const rebuilding = new Rebuilding(options, context, ledger);
    const ofController = await rebuilding.controller(databaseFolder("controller", layout), "publish");
    const ofOrchestrator = await rebuilding.orchestrator(databaseFolder("orchestrator", layout), join(layout.orchestrator, "data"));
    const keeper = await rebuilding.keeper(ofController.did === "rebuilt");
    return { ...rebuilding.summary(), controller: ofController, orchestrator: ofOrchestrator, keeper, streams: lost };
  });
}

/** Rebuilds both databases in a folder of their own; of the workspace, only the ledger and the policy are read. */
export async function replayInto(folder: string, options: ReplayOptions, context: CommandContext): Promise<ReplayReport> {
  const ledger = await prove(options, context);
  const rebuilding = new Rebuilding(options, context, ledger);
  const place = { controller: join(folder, "controller"), orchestrator: join(folder, "orchestrator") };
  const ofController = await rebuilding.controller(databaseFolder("controller", place), "refuse");
  const data = join(place.orchestrator, "data");
  const ofOrchestrator = await rebuilding.orchestrator(databaseFolder("orchestrator", place), data, "refuse");
  return { ...rebuilding.summary(), controller: ofController, orchestrator: ofOrchestrator, streams: [] };
}

async function prove({ layout, workspace, ledgerDir }: ReplayOptions, context: CommandContext): Promise<ProvenLedger> {
  const { policy } = workspace.pins;
  const check = await decisionsFromRepository(repositoryDir(layout.storage, policy.rid), { policyPin: policy });
  context.progress(`verifying ${ledgerDir}, every decision run again`);
  return await proveLedger(ledgerDir, workspace, check, counter("verified", context));
}

class Rebuilding {
  readonly #options: ReplayOptions;
  readonly #context: CommandContext;
  readonly #ledger: ProvenLedger;
  /** What the controller's own database proves beyond the ledger. */
  #beyond: controller.NotInLedger = { finished: [], accepted: [] };

  constructor(options: ReplayOptions, context: CommandContext, ledger: ProvenLedger) {
    this.#options = options;
    this.#context = context;
    this.#ledger = ledger;
  }

  summary(): Pick<ReplayReport, "ledger"> {
    const { dir, report, root } = this.#ledger;
    return { ledger: { dir, size: report.size, root } };
  }

  async controller(folder: string, whereFilled: "publish" | "refuse"): Promise<ControllerPart> {
    const { layout, workspace } = this.#options;
    const store = await opened(folder, (url) => controller.openControllerDatabase(url));
    try {
      if (whereFilled === "publish" && (await controller.databaseStanding(store)) === "filled") {
        this.#beyond = await controller.notInLedger(store, (subject) => this.#ledger.subjects.has(subject));
        const publishedAgain = await controller.publishAgain(store, this.#beyond.finished);
        return { did: "kept", ops: await store.count("ops"), publishedAgain, inHand: this.#beyond.accepted.length };
      }
      this.#context.progress("rebuilding the controller's database");
      const repo = repositoryDir(layout.storage, workspace.pins.policy.rid);
      const source = policySource(layout, workspace);
      const { ops } = await controller.rebuildDatabase({
        ...{ store, workspace: workspace.workspace, records: this.#ledger.records(), origin: this.#origin() },
        source: {
          approvedHead: (last) => source.approvedHead(last),
          load: (commit) => source.load(commit),
          isApprovedStep: (commit, head) =>
            isApprovedStep(repo, workspace.pins.policy, commit, { branch: "main", head, minThreshold: POLICY_MIN_THRESHOLD }),
        },
        onProgress: counter("of the controller's rows", this.#context),
      });
      return { did: "rebuilt", ops, publishedAgain: 0, inHand: 0 };
    } finally {
      await store.close();
    }
  }

  async orchestrator(folder: string, dataDir: string, whereFilled?: "refuse"): Promise<OrchestratorPart> {
    const { layout, workspace } = this.#options;
    const { desired } = workspace.pins;
    const store = await opened(folder, (url) => orchestrator.openOrchestratorDatabase(url));
    try {
      if (whereFilled !== "refuse" && (await orchestrator.databaseStanding(store)) === "filled")
        return { did: "kept", stateHash: await orchestrator.storedStateHash(store), inexact: [] };
      this.#context.progress("rebuilding the orchestrator's database");
      const planning = await orchestrator.planningFor({
        ...{ workspace: workspace.workspace, dataDir, catalogDir: workspace.catalog },
        desiredDir: repositoryDir(layout.storage, desired.rid),
      });
      const { stateHash, targets, revision, inexact } = await orchestrator.rebuildDatabase({
        ...{ store, planning, records: this.#allRecords(), origin: this.#origin() },
        onProgress: counter("of the orchestrator's ops", this.#context),
      });
      return { did: "rebuilt", stateHash, targets, revision, inexact };
    } finally {
      await store.close();
    }
  }

  /** `rowsWereLost`: what the controller had accepted, and the ledger does not have, is proven by nobody any more. */
  async keeper(rowsWereLost: boolean): Promise<KeeperPart> {
    const { layout, workspace } = this.#options;
    return await withBus({ role: "keeper" }, layout, workspace, this.#context, async (bus) => {
      const bucket = await bus.keyValue(buckets(workspace.workspace).seq);
      if ((await bucketStanding(bucket)) === "filled") {
        if (!rowsWereLost) return { did: "kept" };
        return { did: "kept", missing: await openNumbers({ workspace: workspace.workspace, bucket, decisions: this.#decisions() }) };
      }
      this.#context.progress("rebuilding the keeper's numbers");
      const report = await fillBucket({
        ...{ workspace: workspace.workspace, bucket, decisions: this.#decisions(), source: policySource(layout, workspace) },
        ...{ origin: this.#origin(), nowS: nowSeconds(this.#context.clock) },
        onProgress: counter("of the keeper's decisions", this.#context),
      });
      return { did: "rebuilt", ...report };
    });
  }

  #origin(): { readonly size: number; readonly root: string } {
    return { size: this.#ledger.report.size, root: this.#ledger.root };
  }

  async *#allRecords(): AsyncGenerator<AuditRecord> {
    yield* this.#ledger.records();
    for (const { record } of this.#beyond.finished) yield verifyAuditRecord(record);
  }

  async *#decisions(): AsyncGenerator<string> {
    for await (const { claims } of this.#allRecords()) yield claims.decision;
    for (const { decision } of this.#beyond.accepted) yield decision;
  }
}

type OpenedStore = Awaited<ReturnType<typeof controller.openControllerDatabase>>;

async function opened(folder: string, open: (url: string) => Promise<OpenedStore>): Promise<OpenedStore> {
  try {
    return await open(`rocksdb://${folder}`);
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code === "store_locked") throw error;
    const hint = `If it is damaged, move ${folder} away and run this again: it is then rebuilt.`;
    throw new TriplaneError(error.code, error.message, { cause: thrown, hint });
  }
}

const TELL_EVERY = 1000;

function counter(what: string, context: CommandContext): (done: number) => void {
  let next = TELL_EVERY;
  return (done) => {
    if (done < next || context.json) return;
    next = done + TELL_EVERY;
    context.progress(`${done} ${what} …`);
  };
}
