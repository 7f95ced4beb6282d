// People, an agent and CI at work on a workspace whose processes keep dying: whatever fails is tried again until it went through.
import { messageIdOf } from "@triplane/bus";
import { asReviewer, type OpTold, type World, withSubmitter } from "@triplane/cli";
import { subjects } from "@triplane/contract";
import { approve } from "@triplane/keeper";
import type { OutboxOp } from "@triplane/submitter";
import { eventually } from "@triplane/testkit";

export interface Step extends OpTold {
  /** Sent once more, under a message id that the broker does not know. */
  readonly twice?: boolean;
  /** Who approves it once it is in review. */
  readonly approvers?: readonly string[];
}

/** Steps of one issuer, each sent when the one before it has its outcome, or has none for too long. */
export interface Lane {
  readonly issuer: string;
  readonly steps: readonly Step[];
}

export interface Submitted {
  readonly issuer: string;
  readonly op: OutboxOp;
}

const PATIENCE = { timeoutMs: 90_000, intervalMs: 200 } as const;
// Then the next op of the lane is planned on what may be an old version: a conflict, which is an outcome as well.
const OUTCOME_PATIENCE_MS = 15_000;

export async function playLane(world: World, lane: Lane): Promise<readonly Submitted[]> {
  const submitted: Submitted[] = [];
  for (const step of lane.steps) {
    const op = await submit(world, lane.issuer, step);
    submitted.push({ issuer: lane.issuer, op });
    const { jti } = op.entry;
    for (const approver of step.approvers ?? []) await approveAs(world, approver, lane.issuer, jti);
    await outcomeWithin(world, lane.issuer, jti, OUTCOME_PATIENCE_MS);
  }
  return submitted;
}

/** Signed once; sent until a broker confirmed it, and from then on never again. */
async function submit(world: World, issuer: string, step: Step): Promise<OutboxOp> {
  const { twice = false, approvers: _, ...told } = step;
  const { draft } = await eventually(() => world.plan(issuer, told), { ...PATIENCE, what: `a plan for ${told.op} ${told.target}` });
  const person = await world.person(issuer);
  const op = await person.outbox.prepare(draft, person.key);
  const { jti } = op.entry;
  await eventually(() => withSubmitter(person, (submitter) => submitter.send(op)), { ...PATIENCE, what: `the sending of ${jti}` });
  if (!twice) return op;
  const pending = subjects(world.workspace.workspace).pending;
  const copy = { messageId: messageIdOf(`again ${op.entry.op}`) };
  await eventually(() => withSubmitter(person, (_, bus) => bus.publish(pending, op.entry.op, copy)), {
    ...PATIENCE,
    what: `the copy of ${jti}`,
  });
  return op;
}

async function approveAs(world: World, approver: string, issuer: string, jti: string): Promise<void> {
  const person = await world.person(approver);
  await eventually(
    async () => {
      const stage = await world.stage(issuer, jti);
      if (stage === "review") await asReviewer(person, (deps) => approve(deps, { jti, key: person.key }));
      return stage !== "sent";
    },
    { ...PATIENCE, what: `${approver}'s approval of ${jti}` },
  );
}

async function outcomeWithin(world: World, issuer: string, jti: string, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const there = async (): Promise<boolean> => (await world.stage(issuer, jti).catch(() => "unknown")) === "outcome";
  await eventually(async () => (await there()) || performance.now() > deadlineMs, { timeoutMs: 2 * timeoutMs, intervalMs: 200 });
}
