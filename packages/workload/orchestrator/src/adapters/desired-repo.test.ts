import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey, nowSeconds, type SigningKey } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { commitFiles, createRepository, pushHead } from "@triplane/ledger";
import { testHome } from "../testing.ts";
import { desiredRepo } from "./desired-repo.ts";

const clock = systemClock;
const desired = (name: string): string => `{ version = 1, workspace = "w1", components = [{ name = "${name}", component = "web" }] }`;

/** A repository of three operators, of whom two approve. */
async function governed(storageDir: string) {
  const keys: readonly [SigningKey, SigningKey, SigningKey] = [generateSigningKey(), generateSigningKey(), generateSigningKey()];
  const [ana, ben] = keys;
  const spec = { storageDir, name: "w1-desired", description: "for tests", founder: ana, delegates: keys, threshold: 2, clock };
  const { repoDir, rid, identityRoot } = await createRepository(spec);
  const commit = (text: string, parent?: string) =>
    commitFiles({ repo: repoDir, key: ana, parent, files: { "desired.ncl": text }, message: "Change", timeS: nowSeconds(clock) });
  const push = (key: SigningKey, head: string) => pushHead({ repo: repoDir, key, branch: "main", commit: head, clock });
  const source = desiredRepo({ directory: repoDir, pin: { rid, identityRoot }, workspace: "w1" });
  return { ana, ben, commit, push, source, repoDir, rid };
}

test("desiredRepo: gives what two of three approved, also an earlier commit of it, and nothing that one alone signed", async () => {
  await using home = await testHome();
  const { ana, ben, commit, push, source } = await governed(home.path);
  const first = await commit(desired("a"));
  await push(ana, first);
  await assert.rejects(source.at(first), { code: "quorum_not_reached" });
  await push(ben, first);
  const second = await commit(desired("b"), first);
  await push(ana, second);
  await assert.rejects(source.at(second), { code: "quorum_not_reached" });
  assert.equal((await source.at(first)).components[0]?.name, "a");
  await push(ben, second);
  assert.equal((await source.at(second)).components[0]?.name, "b");
  assert.equal((await source.at(first)).components[0]?.name, "a");
  await assert.rejects(source.at("0".repeat(40)), { code: "quorum_not_reached" });
});

test("desiredRepo: approved files still have to be data of the right shape", async () => {
  await using home = await testHome();
  const { ana, ben, commit, push, source } = await governed(home.path);
  let parent: string | undefined;
  for (const [text, code] of [
    ["{ version = 1 }", "args_invalid"],
    ["let x = 1 in { version = x }", "nickel_not_declarative"],
  ] as const) {
    parent = await commit(text, parent);
    await push(ana, parent);
    await push(ben, parent);
    await assert.rejects(source.at(parent), { code });
  }
});

test("desiredRepo: another repository than the pinned one is refused", async () => {
  await using home = await testHome();
  const { repoDir, rid } = await governed(home.path);
  const other = desiredRepo({ directory: repoDir, pin: { rid, identityRoot: "1".repeat(40) }, workspace: "w1" });
  await assert.rejects(other.at("0".repeat(40)), { code: "rid_mismatch" });
});
