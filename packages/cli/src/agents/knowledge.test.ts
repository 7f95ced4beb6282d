import assert from "node:assert/strict";
import { test } from "node:test";
import { INVARIANTS } from "@triplane/contract";
import { readAdrs, readOntology } from "@triplane/reflection";
import { PRODUCT_ROOT } from "../home/layout.ts";
import { invariantViews } from "./knowledge.ts";

test("invariantViews: every invariant has its text, and somewhere what checks it", () => {
  const views = invariantViews(
    readAdrs(PRODUCT_ROOT).map(({ adr }) => adr),
    readOntology(PRODUCT_ROOT).ontology,
  );
  assert.deepEqual(
    views.map(({ id }) => id),
    Object.keys(INVARIANTS),
  );
  const once = views.find(({ id }) => id === "applied-once");
  assert.ok(once !== undefined && once.adrs.length > 0 && once.checks.length > 0 && once.nodes.length > 0, JSON.stringify(once));
});
