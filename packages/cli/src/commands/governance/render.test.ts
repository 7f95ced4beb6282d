import assert from "node:assert/strict";
import { test } from "node:test";
import type { Did } from "@triplane/contract";
import type { ProposalStanding } from "@triplane/governance";
import { describeProposal } from "./render.ts";

const ANA = "did:key:z6MkngfHxbso6g9n3Yx83KXuCoBg8juKutdbBuHcLtJzuMgC" as Did;
const CI = "did:key:z6MkrQZntZhrSaXBWqaqjmVb1XqgVJDuKhpqiBPfsJPkBnG2" as Did;

function proposal(by: Did): ProposalStanding {
  const reviewed = { steps: [{ commit: "c", message: "approved by ben" }], difference: [], problems: [], words: "lusab-babad" };
  const rest = { id: "1f2e3d4c5b6a", standing: "open", via: [], approvedBy: [], rejectedBy: [], missing: 2, reviewed };
  return { ...rest, proposedBy: [by] } as unknown as ProposalStanding;
}

test("describeProposal: the title of what nobody proposed who decides here is framed as a stranger's", () => {
  const nameOf = (did: Did) => (did === ANA ? "ana" : "ci");
  assert.match(describeProposal(proposal(ANA), nameOf, [ANA]), /\n {2}approved by ben\n/);
  assert.match(
    describeProposal(proposal(CI), nameOf, [ANA]),
    /\n {2}written by ci, who decides nothing here, unverified: .*\n {2}\| approved by ben\n/,
  );
});
