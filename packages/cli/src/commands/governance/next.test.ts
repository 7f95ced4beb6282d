import assert from "node:assert/strict";
import { test } from "node:test";
import { type Did, generateSigningKey } from "@triplane/contract";
import type { GovernanceStatus, RepositoryStanding } from "@triplane/governance";
import { nextSteps } from "./next.ts";

const [ana, ben, cleo, ci] = Array.from({ length: 4 }, () => generateSigningKey().did) as [Did, Did, Did, Did];
const COMMIT = "1f2e3d4c5b6a".padEnd(40, "0");
const OTHER = "aaaabbbbcccc".padEnd(40, "0");

function delegate(did: Did, name: string, more: object = {}): RepositoryStanding["delegates"][number] {
  const times = { firstSignedS: 1, lastSignedS: 2 };
  return { did, name, state: "well", problem: undefined, votes: true, person: name, upToDate: true, ...times, ...more };
}

function page(more: Partial<RepositoryStanding>, remotes: GovernanceStatus["remotes"] = []) {
  const standing: RepositoryStanding = {
    name: "policy",
    rid: "rad:z1",
    threshold: 2,
    approved: { commit: COMMIT, signedBy: [ana, ben, cleo], policyVersion: 1, updates: [] },
    problem: undefined,
    delegates: [delegate(ana, "ana"), delegate(ben, "ben"), delegate(cleo, "cleo"), delegate(ci, "ci", { votes: false })],
    able: 3,
    proposals: [],
    revisions: [],
    others: [],
    ...more,
  };
  return { repositories: [standing], remotes };
}

const open = (approvedBy: readonly Did[], missing: number) => [
  {
    ...({
      id: OTHER.slice(0, 12),
      commit: OTHER,
      standing: "open",
      proposedBy: [ana],
      via: ["proposal"],
      approvedBy,
      rejectedBy: [],
      missing,
    } as const),
  },
];

test("nextSteps: a proposal waits for those who have not spoken, machines never among them; for me it is mine or nothing", () => {
  const waits = page({ proposals: open([ben], 1) });
  assert.deepEqual(nextSteps(waits, undefined), ["policy aaaabbbbcccc waits for 1 of ana, cleo: triplane governance show aaaabbbbcccc"]);
  assert.deepEqual(nextSteps(waits, cleo), ["policy aaaabbbbcccc waits for you: triplane governance show aaaabbbbcccc"]);
  assert.deepEqual(nextSteps(waits, ben), []);
});

test("nextSteps: a change of delegates, an approval that hangs on every key, and a remote that differs, each with its command", () => {
  const doc = { delegates: [ana], threshold: 1 } as never;
  const revisions = [{ id: OTHER, author: ana, doc, blob: OTHER, acceptedBy: [ana], needs: 2 }];
  assert.match(nextSteps(page({ revisions }), ben)[0] ?? "", /waits for you: triplane governance delegates accept aaaabbbbcccc$/);
  const approved = { commit: COMMIT, signedBy: [ana, ben], policyVersion: 1, updates: [] };
  const delegates = [delegate(ana, "ana"), delegate(ben, "ben"), delegate(cleo, "cleo", { upToDate: false })];
  assert.match(nextSteps(page({ approved, delegates }), cleo)[0] ?? "", /outlast a lost key: triplane governance show 1f2e3d4c5b6a$/);
  assert.deepEqual(nextSteps(page({ approved, delegates }), ana), []);
  const remote = { remote: "hub", repository: "policy", has: 3, problem: undefined } as const;
  assert.match(nextSteps(page({}, [{ ...remote, differs: [ana] }]), ana)[0] ?? "", /triplane governance push$/);
  assert.match(nextSteps(page({}, [{ ...remote, differs: [ben] }]), ana)[0] ?? "", /triplane governance fetch$/);
});
