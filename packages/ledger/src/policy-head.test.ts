import assert from "node:assert/strict";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { generateSigningKey, type SigningKey } from "@triplane/contract";
import { approvedPolicyHead, policyHeadReader } from "./policy-head.ts";
import { commitFiles, createRepository, pushHead } from "./radicle/repository.ts";
import { failsWith, manualClock, temporaryFolder } from "./testing.ts";

const branch = "main";

interface Board {
  readonly ana: SigningKey;
  readonly anaPhone: SigningKey;
  readonly ben: SigningKey;
  readonly ciOne: SigningKey;
  readonly ciTwo: SigningKey;
}

/** A policy repository whose delegates are three keys of two people, and two keys of a CI; two of them decide. */
async function scene() {
  const keys: Board = {
    ana: generateSigningKey(),
    anaPhone: generateSigningKey(),
    ben: generateSigningKey(),
    ciOne: generateSigningKey(),
    ciTwo: generateSigningKey(),
  };
  const clock = manualClock();
  const delegates = Object.values(keys);
  const spec = {
    storageDir: await temporaryFolder(),
    name: "policy-w1",
    description: "",
    founder: keys.ana,
    delegates,
    threshold: 2,
    clock,
  };
  const repo = await createRepository(spec);
  const write = (version: number, parent: string | undefined) =>
    commitFiles({
      repo: repo.repoDir,
      key: keys.ana,
      parent,
      files: { "keeper_policy.ncl": policyText(keys, version) },
      message: "Policy",
      timeS: 1,
    });
  const vote = async (commit: string, ...voters: readonly SigningKey[]) => {
    for (const key of voters) await pushHead({ repo: repo.repoDir, key, branch, commit, clock });
  };
  return { repo, keys, write, vote };
}

function policyText({ ana, anaPhone, ben, ciOne, ciTwo }: Board, version: number): string {
  const pin = `{ rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" }`;
  return `{
    version = 1, workspace = "w1", policy_version = ${version}, limits = { max_lifetime_s = 600, clock_skew_s = 5 },
    operators = [
      { principal = "ana", keys = ["${ana.did}", "${anaPhone.did}"], groups = [], scopes = ["all"], may = ['Approve] },
      { principal = "ben", keys = ["${ben.did}"], groups = [], scopes = ["all"], may = ['Approve] },
    ],
    automations = [{ principal = "ci", keys = ["${ciOne.did}", "${ciTwo.did}"], scopes = ["all"] }],
    scopes = [{ name = "all", kinds = ["*"], targets = ["*"] }],
    pins = { desired = ${pin}, state = ${pin}, controller = "${generateSigningKey().did}" },
  }`;
}

describe("attack: who votes on a policy", () => {
  it("attack: CI keys that would reach M alone: they are no people of the policy, and have no say in it", async () => {
    const { repo, keys, write, vote } = await scene();
    const first = await write(1, undefined);
    await vote(first, keys.ciOne, keys.ciTwo);
    await assert.rejects(approvedPolicyHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
    await vote(first, keys.ana, keys.ben);
    const accepted = await approvedPolicyHead(repo.repoDir, repo, { branch });
    assert.equal(accepted.commit, first);
    const second = await write(2, first);
    await vote(second, keys.ciOne, keys.ciTwo);
    assert.equal((await approvedPolicyHead(repo.repoDir, repo, { branch, last: accepted })).commit, first);
  });

  it("attack: the same person under two keys: one vote, until somebody else agrees", async () => {
    const { repo, keys, write, vote } = await scene();
    const first = await write(1, undefined);
    await vote(first, keys.ana, keys.ben);
    const accepted = await approvedPolicyHead(repo.repoDir, repo, { branch });
    const second = await write(2, first);
    await vote(second, keys.ana, keys.anaPhone);
    assert.equal((await approvedPolicyHead(repo.repoDir, repo, { branch, last: accepted })).commit, first);
    await vote(second, keys.ben);
    assert.equal((await approvedPolicyHead(repo.repoDir, repo, { branch, last: accepted })).commit, second);
  });

  it("attack: policy rollback: what was accepted stays, and a head behind it is refused (CVE-2026-44544)", async () => {
    const { repo, keys, write, vote } = await scene();
    const first = await write(1, undefined);
    const second = await write(2, first);
    for (const commit of [first, second]) await vote(commit, keys.ana, keys.ben);
    const accepted = await approvedPolicyHead(repo.repoDir, repo, { branch });
    await vote(first, keys.ana, keys.ben);
    await assert.rejects(approvedPolicyHead(repo.repoDir, repo, { branch, last: accepted }), failsWith("policy_rollback"));
  });
});

describe("policyHeadReader", () => {
  it("reads no object again while everybody's signed refs are as they were and nothing else was accepted", async () => {
    const { repo, keys, write, vote } = await scene();
    const first = await write(1, undefined);
    await vote(first, keys.ana, keys.ben);
    const read = policyHeadReader(repo.repoDir, repo, { branch });
    const accepted = await read(undefined);
    assert.equal(accepted.commit, first);
    const [objects, aside] = [join(repo.repoDir, "objects"), join(repo.repoDir, "aside")];
    await rename(objects, aside);
    await mkdir(objects);
    assert.deepEqual(await read(accepted), accepted);
    // Longer than a child of git is kept with what it read.
    await new Promise((resolve) => setTimeout(resolve, 400));
    await assert.rejects(read(undefined));
    await assert.rejects(read({ ...accepted, commit: "0".repeat(40) }));
    await rm(objects, { recursive: true });
    await rename(aside, objects);
    const second = await write(2, first);
    await vote(second, keys.ana);
    assert.equal((await read(accepted)).commit, first);
    await vote(second, keys.ben);
    assert.equal((await read(accepted)).commit, second);
  });
});
