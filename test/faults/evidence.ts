// What a running workspace shows of its ops: outboxes, streams, the controller's rows, the ledger, targets, effects of the file driver.
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type World, withSubmitter } from "@triplane/cli";
import { CONSUMERS, streamNames } from "@triplane/contract";
import { type LedgerRecord, readLedger } from "@triplane/ledger";
import type { OpOutcome, OutboxOp } from "@triplane/submitter";

export interface Submitted {
  readonly issuer: string;
  readonly op: OutboxOp;
}

/** Messages that are not worked off yet. */
export interface Backlog {
  readonly pending: number;
  readonly cmd: number;
  /** On the audit stream, delivered or not, that the mirror has not acked. */
  readonly audit: number;
}

export async function backlogOf(world: World): Promise<Backlog> {
  const bus = await world.watcher();
  const names = streamNames(world.workspace.workspace);
  // By their consumers: after a full disk or a power cut nats-server may keep a message that was acked, which nobody is ever given again.
  const waiting = async (stream: "pending" | "cmd" | "audit"): Promise<number> => {
    const { pending, unacked } = await bus.consumerState(names[stream], CONSUMERS[stream]);
    return pending + unacked;
  };
  const [pending, cmd, audit] = await Promise.all([waiting("pending"), waiting("cmd"), waiting("audit")]);
  return { pending, cmd, audit };
}

/** Numbers of the newest messages, which count all that were ever published. */
export async function lastOf(world: World, stream: "pending" | "cmd" | "audit" | "answer"): Promise<number> {
  const bus = await world.watcher();
  return (await bus.streamState(streamNames(world.workspace.workspace)[stream])).lastSeq;
}

/** By jti: how many answers there were when those to the op were looked at last. */
const lookedAt = new WeakMap<World, Map<string, number>>();

/** Outcomes by jti; what keeper and controller answered meanwhile is taken into the outboxes. Nothing is sent again. */
export async function outcomesOf(world: World, submitted: readonly Submitted[]): Promise<ReadonlyMap<string, OpOutcome>> {
  const outcomes = new Map<string, OpOutcome>();
  const looked = lookedAt.get(world) ?? new Map<string, number>();
  lookedAt.set(world, looked);
  // Counted first: one that comes meanwhile is for the next look.
  const answers = await lastOf(world, "answer");
  for (const [issuer, ops] of Map.groupBy(submitted, (each) => each.issuer)) {
    const person = await world.person(issuer);
    const open: string[] = [];
    for (const { op } of ops) {
      const { jti } = op.entry;
      const outcome = (await person.outbox.find(jti))?.entry.outcome;
      if (outcome !== undefined) outcomes.set(jti, outcome);
      else if (looked.get(jti) !== answers) open.push(jti);
    }
    if (open.length === 0) continue;
    await withSubmitter(person, async (submitter) => {
      for (const jti of open) {
        const stage = await submitter.stage(jti);
        if (stage.stage === "outcome") outcomes.set(jti, stage.outcome);
        looked.set(jti, answers);
      }
    });
  }
  return outcomes;
}

/** The record that the last answer to the submitter carries; a second record of one op would show here. */
export async function answersOf(world: World, submitted: readonly Submitted[]): Promise<ReadonlyMap<string, string>> {
  const { workspace } = world.workspace;
  const records = new Map<string, string>();
  for (const [issuer, ops] of Map.groupBy(submitted, (each) => each.issuer)) {
    await withSubmitter(await world.person(issuer), async (_, bus) => {
      for (const { op } of ops) {
        const { jti } = op.entry;
        const message = await bus.last(streamNames(workspace).answer, `ops.answer.${workspace}.${issuer}.${jti}`);
        const answer = message?.text === undefined ? undefined : (JSON.parse(message.text) as { readonly record?: string });
        if (answer?.record !== undefined) records.set(jti, answer.record);
      }
    });
  }
  return records;
}

export async function ledgerOf(world: World): Promise<readonly LedgerRecord[]> {
  return await Array.fromAsync(readLedger(world.ledgerDir, world.workspace.pins.state));
}

/** Everything that any principal of the workspace has in an outbox. */
export async function everythingSubmitted(world: World): Promise<readonly Submitted[]> {
  const { operators, agents, automations } = world.workspace.people;
  const all: Submitted[] = [];
  for (const issuer of [...operators, ...agents, ...automations]) {
    const { outbox } = await world.person(issuer);
    for (const op of await outbox.list()) all.push({ issuer, op });
  }
  return all;
}

export interface ControllerRows {
  readonly ops: ReadonlyMap<string, { readonly state: string; readonly stream_seq: number; readonly record?: string }>;
  readonly outbox: ReadonlySet<string>;
  readonly rejected: readonly { readonly code: string; readonly reason: string; readonly stream_seq: number }[];
}

/** The controller's rows as the running controller serves them. Rejects where it does not, or was cut off. */
export async function controllerRows(world: World): Promise<ControllerRows> {
  const text = await readAll(join(world.layout.controller, "export.sock"));
  const lines = text.split("\n").filter((line) => line !== "");
  const rows = lines.map((line) => JSON.parse(line) as { readonly table?: string; readonly id?: string; readonly document?: object });
  if (rows.pop()?.table !== undefined || lines.length === 0) throw new Error("the export of the controller's rows was cut off");
  const of = <T>(table: string) => rows.filter((row) => row.table === table).map((row) => [row.id ?? "", row.document as T] as const);
  return {
    ops: new Map(of("ops")),
    outbox: new Set(of("outbox").map(([id]) => id)),
    rejected: of<ControllerRows["rejected"][number]>("rejected").map(([, row]) => row),
  };
}

function readAll(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath).setTimeout(10_000);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("timeout", () => socket.destroy(new Error("the export of the controller's rows stood still")));
    socket.once("error", reject);
    socket.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

/** One line of the file driver's journal: a file really changed. */
export interface Effect {
  readonly jti: string | null;
  readonly target: string;
  readonly action: "write" | "remove" | "restore";
}

export async function effectsOf(world: World): Promise<readonly Effect[]> {
  const text = await readFile(join(world.layout.orchestrator, "data", "files", "effects.jsonl"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Effect);
}
