// A workspace for the tests of one suite: started before them, closed after them, and every op that they submitted is accounted for.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { eventually } from "@triplane/testkit";
import { QUICK } from "./at-failpoint.ts";
import { Cluster } from "./cluster.ts";
import { outcomesOf, type Submitted } from "./evidence.ts";
import { brokenPromises, checkerViolations, comeToRest } from "./promises.ts";

export interface Workspace {
  running(): Cluster;
  /** Waits for the outcome of an op; `applied` unless told otherwise, or with a code like `refused scope_exceeded`. */
  answered(op: Submitted, expected?: string): Promise<void>;
  /** Comes to rest with everything done, and nothing that was promised is broken. */
  keepsItsPromises(): Promise<void>;
}

// An ack wait of the broker (10 s) and a few restarts, on a machine that is busy with other workspaces.
const OUTCOME_TIMEOUT_MS = 120_000;

/** Call inside of `describe`. */
export function workspaceOfSuite(): Workspace {
  const submitted: Submitted[] = [];
  let cluster: Cluster | undefined;
  before(async () => {
    cluster = await Cluster.create(QUICK);
    await cluster.start();
  });
  after(async () => assert.deepEqual(await cluster?.close(), []));
  const running = (): Cluster => cluster ?? assert.fail("the workspace did not start");
  return {
    running,
    answered: async (op, expected = "applied") => {
      submitted.push(op);
      const answer = async () => (await outcomesOf(running().world, [op])).get(op.op.entry.jti);
      const what = `an outcome of ${op.op.claims.target}`;
      const { outcome, code } = await eventually(answer, { timeoutMs: OUTCOME_TIMEOUT_MS, intervalMs: 100, what });
      assert.equal(code === undefined ? outcome : `${outcome} ${code}`, expected);
    },
    keepsItsPromises: async () => {
      assert.ok(submitted.length > 0);
      const rest = await comeToRest(running().world, submitted);
      assert.deepEqual(await brokenPromises(running().world, submitted), []);
      assert.deepEqual(await checkerViolations(running().world), []);
      assert.equal(rest, "drained");
    },
  };
}
