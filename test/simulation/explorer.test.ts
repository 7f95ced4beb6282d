import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "./explorer.ts";
import { type Order, wayOfAnOp } from "./way-of-an-op.ts";

const HOLDING: Readonly<Record<string, Order>> = {
  "the order that is built": {},
  "the controller acks last": { controllerAcksLast: true },
  "an old controller goes on beside the new one": { zombie: true },
  "the broker loses a message that it confirmed, the operator sends again, a known op is answered with its record": { brokerLoses: true },
  "the controller loses its database, the operator sends again, the keeper publishes what it decided": { storeLoses: true },
};

const BREAKING: readonly (readonly [name: string, order: Order, wrong: readonly string[]])[] = [
  ["the keeper acks before it publishes", { keeperAcksFirst: true }, ["lost op"]],
  ["the controller acks before it persists", { controllerAcksFirst: true }, ["lost op"]],
  [
    "the controller looks for nothing at its start",
    { looksForNothingAtStart: true },
    ["lost op", "effect without result", "no ledger entry"],
  ],
  ["the controller applies before it persists", { appliesBeforePersist: true }, ["effect without record"]],
  ["applying again does it again", { applyIsNotIdempotent: true }, ["double effect"]],
  ["the controller trusts the message id in place of its row", { trustsMessageId: true }, ["double effect"]],
  [
    "the controller loses its database, the operator sends again, the broker knows the decision's message id",
    { storeLoses: true, hasMessageIds: true },
    ["lost op", "effect without result"],
  ],
  ["no outbox: the record is published after it is stored", { hasNoOutbox: true }, ["no ledger entry"]],
  ["the mirror acks before it commits", { mirrorAcksFirst: true }, ["no ledger entry"]],
  ["the mirror does not look whether it has the record", { mirrorDoesNotLookUp: true }, ["duplicate ledger entry"]],
  ["an old controller goes on, and applying again does it again", { zombie: true, applyIsNotIdempotent: true }, ["double effect"]],
  [
    "the broker loses a message that it confirmed, the operator sends again, a known op is dropped silently",
    { brokerLoses: true, dropsKnownSilently: true },
    ["no ledger entry"],
  ],
];

for (const [name, order] of Object.entries(HOLDING)) {
  test(`order of steps: nothing goes wrong where ${name} (applied-once, every-command-lands)`, (context) => {
    const { states, counterExample } = explore(wayOfAnOp(order));
    assert.equal(counterExample, undefined, tell(counterExample?.moves ?? []));
    context.diagnostic(`${states} states`);
  });
}

for (const [name, order, wrong] of BREAKING) {
  test(`order of steps: goes wrong where ${name}`, (context) => {
    const { states, counterExample } = explore(wayOfAnOp(order));
    assert.ok(counterExample !== undefined, "no counter-example was found");
    assert.ok(wrong.includes(counterExample.wrong), `${counterExample.wrong}: ${tell(counterExample.moves)}`);
    context.diagnostic(`${counterExample.wrong}, found in ${states} states: ${tell(counterExample.moves)}`);
  });
}

function tell(moves: readonly string[]): string {
  return moves.join(" → ");
}
