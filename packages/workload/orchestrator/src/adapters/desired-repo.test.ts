import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey, nowSeconds, type SigningKey } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { type CreatedRepository, commitFiles, createRepository, pushHead, rememberInFile } from "@triplane/ledger";
import { testHome } from "../testing.ts";
import { desiredRepo } from "./desired-repo.ts";

const clock = systemClock;
const desired = (name: string): string => `{ version = 1, workspace = "w1", components = [{ name = "${name}", component = "web" }] }`;

/** Two repositories, of two people and two keys of a CI, of whom two approve; the policy lists who is who. */
async function governed(storageDir: string) {
  const [ana, ben, ciOne, ciTwo] = Array.from({ length: 4 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey, SigningKey];
  const spec = { storageDir, description: "for tests", founder: ana, delegates: [ana, ben, ciOne, ciTwo], threshold: 2, clock };
  const [policy, repo] = [await createRepository({ ...spec, name: "policy-w1" }), await createRepository({ ...spec, name: "w1-desired" })];
  const write = (to: CreatedRepository, files: Readonly<Record<string, string>>, parent?: string) =>
    commitFiles({ repo: to.repoDir, key: ana, parent, files, message: "Change", timeS: nowSeconds(clock) });
  const commit = (text: string, parent?: string) => write(repo, { "desired.ncl": text }, parent);
  const push = (key: SigningKey, head: string, to = repo) => pushHead({ repo: to.repoDir, key, branch: "main", commit: head, clock });
  const first = await write(policy, { "keeper_policy.ncl": policyText(ana, ben, [ciOne, ciTwo]) });
  for (const key of [ana, ben]) await push(key, first, policy);
  const place = ({ repoDir, rid, identityRoot }: CreatedRepository) => ({ directory: repoDir, pin: { rid, identityRoot } });
  const options = { desired: place(repo), policy: place(policy), minThreshold: 2, workspace: "w1" };
  return { ana, ben, ciOne, ciTwo, commit, push, options, source: desiredRepo(options) };
}

function policyText(ana: SigningKey, ben: SigningKey, ci: readonly SigningKey[]): string {
  const pin = `{ rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" }`;
  const operator = (principal: string, key: SigningKey) =>
    `{ principal = "${principal}", keys = ["${key.did}"], groups = [], scopes = ["all"], may = ['Approve] }`;
  return `{
    version = 1, workspace = "w1", policy_version = 1, limits = { max_lifetime_s = 600, clock_skew_s = 5 },
    operators = [${operator("ana", ana)}, ${operator("ben", ben)}],
    automations = [{ principal = "ci", keys = [${ci.map(({ did }) => `"${did}"`).join(", ")}], scopes = ["all"] }],
    scopes = [{ name = "all", kinds = ["*"], targets = ["*"] }],
    pins = { desired = ${pin}, state = ${pin}, controller = "${generateSigningKey().did}" },
  }`;
}

test("desiredRepo: gives what two people approved, also an earlier commit of it, and nothing that one alone signed", async () => {
  await using home = await testHome();
  const { ana, ben, commit, push, source } = await governed(home.path);
  const first = await commit(desired("a"));
  await push(ana, first);
  await assert.rejects(source.at(first, undefined), { code: "quorum_not_reached" });
  await push(ben, first);
  const second = await commit(desired("b"), first);
  await push(ana, second);
  await assert.rejects(source.at(second, undefined), { code: "quorum_not_reached" });
  assert.equal((await source.at(first, undefined)).components[0]?.name, "a");
  await push(ben, second);
  assert.equal((await source.at(second, first)).components[0]?.name, "b");
  assert.equal((await source.at(first, undefined)).components[0]?.name, "a");
  await assert.rejects(source.at("0".repeat(40), undefined), { code: "quorum_not_reached" });
});

test("desiredRepo: what lies behind the applied commit is refused, the approved head is taken again", async () => {
  await using home = await testHome();
  const { ana, ben, commit, push, source } = await governed(home.path);
  const commits: string[] = [];
  for (const name of ["a", "b", "c"]) {
    const next = await commit(desired(name), commits.at(-1));
    for (const key of [ana, ben]) await push(key, next);
    commits.push(next);
  }
  const [first, second, third] = commits as [string, string, string];
  await assert.rejects(source.at(first, second), { code: "desired_outdated" });
  assert.equal((await source.at(second, first)).components[0]?.name, "b");
  for (const applied of [undefined, first, second, third]) assert.equal((await source.at(third, applied)).components[0]?.name, "c");
});

test("desiredRepo: what was accepted is remembered over a restart: an approval that is taken back opens no older state", async () => {
  await using home = await testHome();
  const { ana, ben, commit, push, options } = await governed(home.path);
  const path = join(home.path, "desired-seen.json");
  const started = () => desiredRepo({ ...options, memory: rememberInFile(path) });
  const first = await commit(desired("a"));
  const second = await commit(desired("b"), first);
  for (const each of [first, second]) for (const key of [ana, ben]) await push(key, each);
  assert.equal((await started().at(second, undefined)).components[0]?.name, "b");
  await push(ben, first);
  await assert.rejects(started().at(first, undefined), { code: "policy_rollback" });
  assert.equal((await desiredRepo(options).at(first, undefined)).components[0]?.name, "a");
  await writeFile(path, "{}, and more");
  await assert.rejects(started().at(second, undefined), { code: "config_invalid" });
});

test("desiredRepo: keys of a CI among the delegates, that would reach M alone, are no people", async () => {
  await using home = await testHome();
  const { ana, ciOne, ciTwo, commit, push, source, ben } = await governed(home.path);
  const first = await commit(desired("a"));
  for (const key of [ciOne, ciTwo, ana]) await push(key, first);
  await assert.rejects(source.at(first, undefined), { code: "quorum_not_reached" });
  await push(ben, first);
  assert.equal((await source.at(first, undefined)).components[0]?.name, "a");
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
    await assert.rejects(source.at(parent, undefined), { code });
  }
});

test("desiredRepo: another repository than the pinned one is refused", async () => {
  await using home = await testHome();
  const { options } = await governed(home.path);
  const pin = { ...options.desired.pin, identityRoot: "1".repeat(40) };
  const other = desiredRepo({ ...options, desired: { ...options.desired, pin } });
  await assert.rejects(other.at("0".repeat(40), undefined), { code: "rid_mismatch" });
});
