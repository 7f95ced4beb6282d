// What has to be true of a workspace after anything: compares ledger, orchestrator, streams and outboxes.
import { readdir, readFile } from "node:fs/promises";
import type { World } from "@triplane/cli";
import { streamNames } from "@triplane/contract";
import { readLedger } from "@triplane/ledger";
import type { Submitted } from "./submitting.ts";

/** Submitted ops without an outcome in their outbox; what the keeper and the controller answered meanwhile is taken in. */
export async function withoutOutcome(world: World, submitted: readonly Submitted[]): Promise<readonly string[]> {
  const open: string[] = [];
  for (const { issuer, op } of submitted) {
    const stage = await world.stage(issuer, op.entry.jti);
    if (stage !== "outcome") open.push(`${op.entry.jti} ${op.claims.op} ${op.claims.target} of ${issuer} is ${stage}`);
  }
  return open;
}

/** One line for each thing that is not as it has to be; messages that still wait count, for nothing is in flight any more. */
export async function differences(world: World, submitted: readonly Submitted[]): Promise<readonly string[]> {
  const bus = await world.watcher();
  const names = streamNames(world.workspace.workspace);
  const waiting = await Promise.all(
    [names.pending, names.cmd].map(async (stream) => {
      const { messages } = await bus.streamState(stream);
      return messages === 0 ? [] : [`${stream} holds ${messages} messages`];
    }),
  );
  const compared = await Promise.all([
    recordsThatDiffer(world),
    versionsThatDiffer(world, submitted),
    replicasThatDiffer(world, submitted),
  ]);
  return [...waiting, ...compared].flat();
}

/** `every-command-lands`: the ledger has the ops of all outboxes, each once, and nothing else. */
async function recordsThatDiffer(world: World): Promise<readonly string[]> {
  const { operators, agents, automations } = world.workspace.people;
  const counts = new Map<string, number>();
  for (const principal of [...operators, ...agents, ...automations]) {
    const { outbox } = await world.person(principal);
    for (const { entry } of await outbox.list()) counts.set(entry.jti, 0);
  }
  const differing: string[] = [];
  for await (const { subject, index } of readLedger(world.ledgerDir, world.workspace.pins.state)) {
    const count = counts.get(subject);
    if (count === undefined) differing.push(`record ${index} is about ${subject}, which nobody submitted`);
    else counts.set(subject, count + 1);
  }
  for (const [jti, count] of counts) if (count !== 1) differing.push(`${jti} has ${count} records`);
  return differing;
}

/** `applied-once`: the versions of a target are the applied changes that the ledger has, each version once. */
async function versionsThatDiffer(world: World, submitted: readonly Submitted[]): Promise<readonly string[]> {
  const reached = new Map(madeByOps(submitted).map((target) => [target, [] as number[]]));
  for await (const { record } of readLedger(world.ledgerDir, world.workspace.pins.state)) {
    const { target = "", outcome, state_version_before: before, state_version_after: after } = record.claims;
    if (outcome === "applied" && after !== undefined && after !== before) reached.get(target)?.push(after);
  }
  const differing: string[] = [];
  for (const [target, versions] of reached) {
    const { version } = await world.target(target);
    if (versions.length !== version || versions.toSorted((a, b) => a - b).some((each, index) => each !== index + 1))
      differing.push(`${target} is at version ${version}; the ledger has changes to ${versions.join(", ") || "none"}`);
  }
  return differing;
}

/** What the orchestrator says that it runs is what runs: no replica was lost, and none was started twice. */
async function replicasThatDiffer(world: World, submitted: readonly Submitted[]): Promise<readonly string[]> {
  if (process.platform !== "linux") return []; // proc(5)
  const running = await componentsRunning(world);
  const differing: string[] = [];
  for (const target of madeByOps(submitted)) {
    const { state, health } = await world.target(target);
    const wanted = health === "stopped" ? 0 : state?.["replicas"];
    const found = running.filter((commandLine) => commandLine.some((argument) => argument === `--instance=${target}`)).length;
    // Only web tells its instance on the command line.
    if (target.startsWith("web-") && found !== wanted)
      differing.push(`${target} has ${String(wanted)} replicas (${health}), and ${found} run`);
  }
  return differing;
}

/** Command lines of the processes that were given a port of this workspace. */
async function componentsRunning(world: World): Promise<readonly (readonly string[])[]> {
  const { componentsFrom, componentsTo } = world.workspace.ports;
  const ours = (argument: string): boolean => {
    const port = Number(/^--port=(\d+)$/.exec(argument)?.[1] ?? 0);
    return port >= componentsFrom && port <= componentsTo;
  };
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return all.map((commandLine) => commandLine.split("\0")).filter((parts) => parts.some(ours));
}

// What desired.apply makes has versions that no op of its own name accounts for; ci may not deploy, and is refused.
function madeByOps(submitted: readonly Submitted[]): readonly string[] {
  const deployed = submitted.filter(({ issuer, op }) => op.claims.op === "component.deploy" && issuer !== "ci");
  return [...new Set(deployed.map(({ op }) => op.claims.target))];
}

/** How many ops ended how, like `34 applied, 6 refused scope_exceeded`. */
export async function outcomesOf(world: World, submitted: readonly Submitted[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { issuer, op } of submitted) {
    const found = await (await world.person(issuer)).outbox.find(op.entry.jti);
    const { outcome, code } = found?.entry.outcome ?? { outcome: "none" };
    const name = code === undefined ? outcome : `${outcome} ${code}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
