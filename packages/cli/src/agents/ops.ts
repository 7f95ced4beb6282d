// The ops of an agent: planned, submitted under a request id, followed.
//
// 1. Which op a request stands for is on disk before the op is signed, the op before it is sent: whoever went away asks again (`applied-once`).
// 2. A wait is only a wait: giving it up changes nothing about the op.
import { formatAudience, type Json, nowSeconds, TriplaneError, toTriplaneError, uuid7 } from "@triplane/contract";
import { makeReceipt, readTreeFiles, repositoryDir } from "@triplane/ledger";
import type { OpStatus, Ops, OpWish, WaitOptions } from "@triplane/mcp";
import { decide, unsignedOp } from "@triplane/policy";
import { type OpStage, type OutboxOp, Requests, type Submitter } from "@triplane/submitter";
import { audienceOf } from "../home/workspace-file.ts";
import { type Person, planOp, withSubmitter } from "../people/person.ts";
import { policyInForce } from "../people/policy.ts";
import { opStatus, prospectOf, wishOf } from "./op-status.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export function opsOf(person: Person): Ops {
  const { layout, workspace, outbox, clock, random } = person;
  const requests = new Requests({ folder: layout.outbox(person.principal), clock, random });
  /** Calls with one request id follow one another. */
  const queues = new Map<string, Promise<unknown>>();

  const statusOf = async (submitter: Submitter, op: OutboxOp, wait: WaitOptions): Promise<OpStatus> => {
    const requestId = (await requests.byJti()).get(op.claims.jti);
    await waitFor(submitter, op.claims.jti, wait);
    return opStatus(op, requestId, await submitter.stage(op.claims.jti));
  };

  const opFor = async (jti: string, wish: OpWish): Promise<OutboxOp> => {
    const known = await outbox.find(jti);
    if (known !== undefined) return known;
    const { draft } = await planOp(person, toWish(wish));
    return await outbox.prepare({ ...draft, jti }, person.key);
  };

  return {
    plan: async (wish) => {
      const planned = await planOp(person, toWish(wish));
      const { policy, ref } = await policyInForce(layout, workspace);
      const nowS = nowSeconds(clock);
      const { draft } = planned;
      const op = unsignedOp({
        ...{ iss: person.key.did, aud: formatAudience(audienceOf(workspace)), jti: uuid7(clock.nowMs(), random.bytes(10)) },
        ...{ iat: nowS, exp: nowS + draft.expiresInS, seq: 1, op: draft.op, target: draft.target, scope: draft.scope },
        ...{ expected_state_version: draft.expected_state_version, args: draft.args },
      });
      const facts = { recent_auto: {}, budget_used: 0 };
      return prospectOf(planned, decide({ op, policy, policyRef: ref, approvals: [], facts, nowS }), ref.commit);
    },
    submit: async (requestId, wish, wait) => {
      const op = await inTurn(queues, requestId, async () => await opFor(await requests.claim(requestId, wishOf(wish)), wish));
      return await withSubmitter(person, async (submitter) => {
        if (op.entry.outcome === undefined) await submitter.send(op);
        return await statusOf(submitter, op, wait);
      });
    },
    status: async (jti, wait) => {
      const op = await outbox.find(jti);
      if (op === undefined) throw unknownOp(person, jti);
      if (op.entry.outcome !== undefined) return opStatus(op, (await requests.byJti()).get(jti));
      return await withSubmitter(person, (submitter) => statusOf(submitter, op, wait));
    },
    list: async () => {
      const names = await requests.byJti();
      const ops = (await outbox.list()).toReversed();
      const stages = await stagesOf(person, ops);
      return ops.map((op) => opStatus(op, names.get(op.claims.jti), stages.get(op.claims.jti)));
    },
    receipt: async (jti) => {
      const op = await outbox.find(jti);
      if (op === undefined) throw unknownOp(person, jti);
      const { state, policy } = workspace.pins;
      const policyDir = repositoryDir(layout.storage, policy.rid);
      const receipt = await makeReceipt(repositoryDir(layout.storage, state.rid), state, jti, {
        policyFiles: ({ commit }) => readTreeFiles(policyDir, commit, { maxBytes: MAX_POLICY_BYTES }),
      });
      return JSON.parse(JSON.stringify(receipt)) as { readonly [key: string]: Json };
    },
  };
}

function toWish({ kind, target, args, reason, expiresInS }: OpWish) {
  return { op: kind, target, args, reason, expiresInS };
}

function unknownOp({ principal }: Person, jti: string): TriplaneError {
  return new TriplaneError("op_unknown", `${principal} has no op ${jti} here`, { hint: "list_ops names the agent's ops." });
}

/** Until there is an answer, or the outcome, or the time is over: all three are normal. */
async function waitFor(submitter: Submitter, jti: string, { timeoutMs, signal, until, onState }: WaitOptions): Promise<void> {
  const enough = new AbortController();
  try {
    await submitter.waitForOutcome(jti, {
      timeoutMs,
      signal: AbortSignal.any([signal, enough.signal]),
      onStage: (stage) => {
        onState(stage.stage === "review" ? "pending_approval" : stage.stage === "outcome" ? stage.outcome.outcome : "sent");
        if (stage.stage === "review" && until === "answer") enough.abort();
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof TriplaneError && thrown.code === "outcome_timeout")) throw thrown;
  }
}

/** Where the ops without an outcome are; nothing of them while the broker is away. */
async function stagesOf(person: Person, ops: readonly OutboxOp[]): Promise<ReadonlyMap<string, OpStage>> {
  const open = ops.filter(({ entry }) => entry.outcome === undefined);
  if (open.length === 0) return new Map();
  try {
    return await withSubmitter(person, async (submitter) => {
      const stages = new Map<string, OpStage>();
      for (const { entry } of open) stages.set(entry.jti, await submitter.stage(entry.jti));
      return stages;
    });
  } catch (thrown) {
    if (toTriplaneError(thrown).code !== "bus_unreachable") throw thrown;
    return new Map();
  }
}

async function inTurn<T>(queues: Map<string, Promise<unknown>>, name: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(name) ?? Promise.resolve();
  const mine = before.then(work, work);
  queues.set(name, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(name) === mine) queues.delete(name);
  }
}
