import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { propose } from "./propose.ts";
import { openGoverned } from "./repository.ts";
import { policyFiles, put, type Town, town, vote } from "./testing/town.ts";

/** Proposes a policy with its text changed, and gives what an approver is told. */
async function notesOf(world: Town, version: number, change: (text: string) => string): Promise<readonly string[]> {
  const { ana, clock, review } = world;
  const text = policyFiles(world, { version }).get("keeper_policy.ncl") ?? "";
  const changed = change(text);
  assert.notEqual(changed, text);
  await ana.fetch();
  const repository = await openGoverned(ana.site, "policy");
  const files = new Map([["keeper_policy.ncl", changed]]);
  return (await propose(ana.site, repository, { ...review, key: ana.key, principal: "ana", clock, files, title: "Change" })).notes;
}

test("propose: says when the desired state would lose its approval with the people that the policy takes away", async () => {
  const world = await town();
  const { ana, ben, cleo, clock, review } = world;
  const first = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, first);
  const desired = await openGoverned(ana.site, "desired");
  const files = new Map([["desired.ncl", "{ version = 1 }"]]);
  const state = await propose(ana.site, desired, { ...review, key: ana.key, principal: "ana", clock, files, title: "State" });
  await ana.push();
  for (const each of [ana, ben]) await vote(world, each, state);
  const without = (name: string) => (text: string) =>
    text.replace(new RegExp(`\\{ principal = "${name}".*?\\},? ?(?=\\{ principal|\\])`), "");
  const lost = (notes: readonly string[]) => notes.filter((note) => note.includes("stand behind the approved desired state"));
  const [note, ...others] = lost(await notesOf(world, 2, without("ben")));
  assert.deepEqual(others, []);
  assert.match(note ?? "", /^without ben only 1 of 2 would stand .* approved no longer; first cleo should approve that state as well$/);
  await vote(world, cleo, state);
  assert.deepEqual(lost(await notesOf(world, 3, without("ben"))), [], "cleo stands behind it as well now");
});

test("propose: says who may act alone, by which key, and what is ratified", async () => {
  const world = await town();
  const { ana, ben } = world;
  const first = await put(world, ana, 1);
  for (const each of [ana, ben]) await vote(world, each, first);
  const sealed = generateSigningKey().did;
  const jti = "019b8d0e-0000-7000-8000-000000000000";
  const notes = await notesOf(world, 2, (text) =>
    text.replace('{ principal = "ana",', `{ principal = "ana", break_glass_keys = ["${sealed}"],`).replace(
      "  review = [",
      `  ratified = ["${jti}"],
  break_glass = [{ id = "night", kinds = ["component.restart"], targets = ["web*"], issuers = ["ana"], ratify_within_s = 3600 }],
  review = [`,
    ),
  );
  const told = notes.filter((note) => /ALONE|sealed key|stands by/.test(note));
  assert.deepEqual(told, [
    "night: ana may do component.restart on web* ALONE, by a sealed key; to be ratified within 3600 s",
    `ana gets the sealed key ${sealed}, which breaks the glass`,
    `whoever approves this stands by ${jti}, which broke the glass`,
  ]);
});
