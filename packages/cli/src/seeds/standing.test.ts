import assert from "node:assert/strict";
import { test } from "node:test";
import type { Did } from "@triplane/contract";
import { compareChains } from "./standing.ts";

const [A, B] = ["did:key:z6MkA", "did:key:z6MkB"] as [Did, Did];
const chains = (a: readonly string[], b: readonly string[]) => new Map([[A, a] as const, [B, b] as const]);

test("compareChains: the worst delegate decides", () => {
  const ours = chains(["a2", "a1"], ["b1"]);
  for (const [theirs, state, same] of [
    [chains(["a2", "a1"], ["b1"]), "in step", 2],
    [chains(["a1"], ["b1"]), "behind", 1],
    [chains(["a2", "a1"], []), "behind", 1],
    [chains(["a3", "a2", "a1"], ["b1"]), "ahead", 1],
    [chains(["a3", "a2", "a1"], []), "behind", 0],
    [chains(["x", "a1"], ["b1"]), "diverged", 1],
  ] as const)
    assert.deepEqual(compareChains(ours, theirs, [A, B]), { state, same, delegates: 2 });
  assert.equal(compareChains(chains([], []), chains(["a1"], []), [A, B]).state, "ahead");
});
