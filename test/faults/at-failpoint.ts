// One op through a workspace whose process dies at a named step: ordered, submitted, fired, dead, started again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type OpTold, withSubmitter } from "@triplane/cli";
import type { Failpoint, FailpointRoom } from "@triplane/contract";
import { eventually, type Fired, firedOrder } from "@triplane/testkit";
import type { Cluster, ClusterOptions, Death } from "./cluster.ts";
import type { Submitted } from "./evidence.ts";

/** The process that passes the steps of a room. */
export const OWNERS: Readonly<Record<FailpointRoom, string>> = {
  submitter: "submitter",
  keeper: "keeper-daemon",
  controller: "ops-controller",
  orchestrator: "orchestrator",
  mirror: "audit-mirror",
};

/** Waits that a kill costs, as short as the configuration allows. */
export const QUICK: ClusterOptions = {
  overrides: { "ops-controller": { config: { leaseTtlMs: 2_500 } }, "audit-mirror": { config: { maxWaitMs: 20 } } },
};

const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 } as const;
const SUBMITTING_PROCESS = join(import.meta.dirname, "submitting-process.ts");

export function roomOf(failpoint: Failpoint): FailpointRoom {
  return failpoint.slice(0, failpoint.indexOf(".")) as FailpointRoom;
}

export function ownerOf(failpoint: Failpoint): string {
  return OWNERS[roomOf(failpoint)];
}

/** A change that costs little and leaves a line for each effect: a settings file of its own. */
export function change(target: string): OpTold {
  return { op: "component.deploy", target, args: { component: "flags", settings: { banner: target } } };
}

/** Signed once and sent until the broker confirmed it; never again after that. */
export async function submit(cluster: Cluster, issuer: string, told: OpTold): Promise<Submitted> {
  const { world } = cluster;
  const { draft } = await eventually(() => world.plan(issuer, told), { ...PATIENCE, what: `a plan for ${told.op} ${told.target}` });
  const person = await world.person(issuer);
  const op = await person.outbox.prepare(draft, person.key);
  await eventually(() => withSubmitter(person, (submitter) => submitter.send(op)), { ...PATIENCE, what: `the sending of ${op.entry.jti}` });
  return { issuer, op };
}

export interface Deadly {
  readonly submitted: Submitted;
  readonly fired: Fired;
  readonly death: Death;
}

/** Has the owner of the failpoint die there while one op passes. It is started again by the cluster. */
export async function dieAt(cluster: Cluster, failpoint: Failpoint, issuer: string, target: string): Promise<Deadly> {
  if (roomOf(failpoint) === "submitter") return await dieSubmitting(cluster, failpoint, issuer, target);
  const owner = ownerOf(failpoint);
  const order = await cluster.arm(owner, failpoint);
  const submitted = await submit(cluster, issuer, change(target));
  const fired = await order.fired();
  return { submitted, fired, death: await cluster.death(fired.pid) };
}

/** A submitting process of its own dies, and the next one takes up what it left. */
async function dieSubmitting(cluster: Cluster, failpoint: Failpoint, issuer: string, target: string): Promise<Deadly> {
  await cluster.arm("submitter", failpoint);
  const death = await runSubmitter(cluster, issuer, target);
  const fired = await firedOrder(cluster.faults, failpoint, "submitter");
  if (fired === undefined)
    throw new Error(`the submitting process never reached ${failpoint}, it ended with ${death.code ?? death.signal}`);
  const again = await runSubmitter(cluster, issuer, target);
  if (again.code !== 0) throw new Error(`the second submitting process ended with ${again.code ?? again.signal}`);
  const { outbox } = await cluster.world.person(issuer);
  const op = (await outbox.list()).find(({ claims }) => claims.target === target);
  if (op === undefined) throw new Error(`the outbox has no op for ${target}`);
  return { submitted: { issuer, op }, fired, death };
}

async function runSubmitter(cluster: Cluster, issuer: string, target: string): Promise<Death> {
  const { nodeArguments, env } = cluster.armed("submitter");
  const args = [...nodeArguments, SUBMITTING_PROCESS, cluster.world.layout.root, issuer, JSON.stringify(change(target))];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "inherit", "inherit"] });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { name: "submitter", pid: child.pid ?? 0, code, signal, atMs: Date.now(), expected: false };
}
