import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpOutcome } from "@triplane/submitter";
import { nextAction, type SyncInput } from "./service.ts";
import type { SyncState } from "./state.ts";

const HEAD = "a".repeat(40);
const OLD = "b".repeat(40);
const JTI = "0190a5e0-0000-7000-8000-000000000001";
const OTHER = "0190a5e0-0000-7000-8000-000000000002";
const open: SyncState = { commit: HEAD, jti: JTI, attempts: 1, status: "open" };
const ended = (outcome: OpOutcome["outcome"], code?: string) => ({
  stage: "outcome" as const,
  outcome: { record: "r", outcome, consumes_seq: true, ...(code === undefined ? {} : { code }) },
});
const act = (input: Partial<SyncInput>) =>
  nextAction({ head: HEAD, state: undefined, waiting: undefined, stage: undefined, maxAttempts: 2, ...input });

const CASES: readonly (readonly [string, Partial<SyncInput>, ReturnType<typeof act>])[] = [
  ["signs an op for a head that it does not know", {}, { do: "sign", attempt: 1 }],
  ["signs an op when the head moves", { state: { ...open, commit: OLD, status: "applied" } }, { do: "sign", attempt: 1 }],
  ["signs an op when the head moves while the former one is open", { state: { ...open, commit: OLD } }, { do: "sign", attempt: 1 }],
  ["takes up an op that was signed for the head and not remembered", { waiting: JTI }, { do: "send", state: open }],
  [
    "takes up a second op that was signed and not remembered",
    { waiting: OTHER, state: open },
    { do: "send", state: { ...open, jti: OTHER, attempts: 2 } },
  ],
  ["waits for people", { state: open, waiting: JTI, stage: { stage: "review", needs: [] } }, { do: "nothing" }],
  ["waits for the keeper", { state: open, waiting: JTI, stage: { stage: "sent" } }, { do: "nothing" }],
  ["is done when the op was applied", { state: open, stage: ended("applied") }, { do: "end", state: { ...open, status: "applied" } }],
  ["does nothing about a head that was applied", { state: { ...open, status: "applied" } }, { do: "nothing" }],
  ["does nothing about a head that it gave up on", { state: { ...open, status: "failed" } }, { do: "nothing" }],
  ["signs again after a conflict", { state: open, stage: ended("conflict", "version_conflict") }, { do: "sign", attempt: 2 }],
  ["signs again after a wrong number", { state: open, stage: ended("refused", "sequence_gap") }, { do: "sign", attempt: 2 }],
  [
    "gives up after the last attempt",
    { state: { ...open, attempts: 2 }, stage: ended("conflict", "version_conflict") },
    { do: "end", state: { ...open, attempts: 2, status: "failed", code: "version_conflict" } },
  ],
  [
    "does not sign again what the policy denies",
    { state: open, stage: ended("refused", "policy_denied") },
    { do: "end", state: { ...open, status: "failed", code: "policy_denied" } },
  ],
  ["signs again when the outbox has lost the open op", { state: open }, { do: "sign", attempt: 2 }],
];

for (const [name, input, expected] of CASES) {
  test(`nextAction: ${name}`, () => assert.deepEqual(act(input), expected));
}
