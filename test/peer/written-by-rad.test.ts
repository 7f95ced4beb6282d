// What the real Radicle writes, we read and verify: changes of the identity, pushes, merged patches, a rotated key.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "node:test";
import { generateSigningKey, type SigningKey, TriplaneError } from "@triplane/contract";
import {
  approvedHead,
  createRepository,
  pushHead,
  type RepositoryPin,
  readTreeFiles,
  repositoryDir,
  verifyRepository,
} from "@triplane/ledger";
import { manualClock } from "@triplane/testkit";
import { type PeerPlace, peer } from "./peer-test.ts";
import { type RadicleHome, radicleHome } from "./radicle-home.ts";

const START_S = 1_790_000_000;
const branch = "main";

/** People who share one storage, as if it had been replicated to all of them. */
async function people(place: PeerPlace, names: readonly string[], keys: readonly SigningKey[] = []) {
  const storage = join(place.folder, "s");
  await mkdir(storage, { recursive: true });
  const homes = names.map((alias, at) =>
    radicleHome({ programs: place.programs, folder: join(place.folder, alias), key: keys[at] ?? generateSigningKey(), alias, storage }),
  );
  return { storage, homes: await Promise.all(homes) };
}

const update = (title: string, ...change: readonly string[]) => [
  "id",
  "update",
  "--title",
  title,
  "--description",
  "",
  "--no-confirm",
  "-q",
  ...change,
];

/** A working copy of a repository in the person's storage, with the person's namespace made by a first push. */
async function checkedOut(home: RadicleHome, rid: string): Promise<string> {
  await home.rad(["checkout", rid]);
  const work = join(home.folder, "policy-x");
  await home.git(["push", "-o", "no-sync", "rad", branch], work);
  return work;
}

async function commitIn(home: RadicleHome, work: string, file: string, text: string): Promise<string> {
  await writeFile(join(work, file), text);
  await home.git(["add", file], work);
  await home.git(["commit", "--quiet", "-m", `Write ${file}`], work);
  return (await home.git(["rev-parse", "HEAD"], work)).trim();
}

const failsWith = (code: string) => (thrown: unknown) => thrown instanceof TriplaneError && thrown.code === code;

describe("peer: we verify what rad writes", () => {
  peer("a change of the identity: proposed by one delegate's rad, accepted by another's, rejected by a third's", async (place) => {
    const keys = Array.from({ length: 3 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey];
    const { storage, homes } = await people(place, ["ana", "ben", "cleo"], keys);
    const [ana, ben, cleo] = homes as [RadicleHome, RadicleHome, RadicleHome];
    const clock = manualClock(START_S * 1000);
    const spec = {
      storageDir: storage,
      name: "policy-x",
      description: "for tests",
      founder: keys[0],
      delegates: keys,
      threshold: 2,
      clock,
    };
    const repo = await createRepository(spec);
    const inRepo = ["--repo", repo.rid];
    const before = await verifyRepository(repo.repoDir, repo);

    const first = (await ana.rad([...update("Three of three", "--threshold", "3"), ...inRepo])).trim();
    const proposed = await verifyRepository(repo.repoDir, repo);
    assert.deepEqual([proposed.threshold, proposed.refused.size], [2, 0]);
    await ben.rad(["id", "reject", first, "--no-confirm", ...inRepo]);
    await cleo.rad(["id", "reject", first, "--no-confirm", ...inRepo]);
    assert.match(await ana.rad(["id", "show", first, ...inRepo]), /State +rejected/);
    assert.equal((await verifyRepository(repo.repoDir, repo)).identity.revision, before.identity.revision);

    const change = ["--payload", "xyz.radicle.project", "description", '"changed by rad"'];
    const second = (await ben.rad([...update("Describe it", ...change), ...inRepo])).trim();
    await cleo.rad(["id", "accept", second, "--no-confirm", ...inRepo]);
    assert.match(await ana.rad(["id", "show", second, ...inRepo]), /State +accepted/);
    const after = await verifyRepository(repo.repoDir, repo, { knownRevision: before.identity.revision });
    assert.deepEqual([after.identity.revision, after.identity.doc.description, after.refused.size], [second, "changed by rad", 0]);
    assert.deepEqual(after.strayRefs, []);
  });

  peer(
    "edits, redactions and rejections change nothing for us; a fourth acceptance that rad no longer takes is still missed",
    async (place) => {
      const keys = Array.from({ length: 4 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey, SigningKey];
      const { storage, homes } = await people(place, ["ana", "ben", "cleo", "dora"], keys);
      const [ana, ben, cleo, dora] = homes as [RadicleHome, RadicleHome, RadicleHome, RadicleHome];
      const clock = manualClock(START_S * 1000);
      const spec = { storageDir: storage, name: "policy-x", description: "", founder: keys[0], delegates: keys, threshold: 4, clock };
      const repo = await createRepository(spec);
      const inRepo = ["--repo", repo.rid];
      const { identity } = await verifyRepository(repo.repoDir, repo);

      const first = (await ana.rad([...update("One", "--threshold", "1"), ...inRepo])).trim();
      await ana.rad(["id", "edit", first, "--title", "Another title", "--description", "d", "--no-confirm", ...inRepo]);
      await ana.rad(["id", "redact", first, "--no-confirm", ...inRepo]);
      const redacted = await verifyRepository(repo.repoDir, repo);
      assert.deepEqual([redacted.identity, redacted.refused.size, redacted.strayRefs], [identity, 0, []]);

      const second = (await ana.rad([...update("Three", "--threshold", "3"), ...inRepo])).trim();
      for (const home of [ben, cleo]) await home.rad(["id", "accept", second, "--no-confirm", ...inRepo]);
      assert.match(await ana.rad(["id", "show", second, ...inRepo]), /State +accepted/);
      await dora.tryRad(["id", "accept", second, "--no-confirm", ...inRepo]);
      const stuck = await verifyRepository(repo.repoDir, repo);
      assert.deepEqual([stuck.threshold, stuck.identity.revision], [4, identity.revision]);
    },
  );

  peer("rad init, delegates added, pushes, a merged patch, a rewound head, a rotated key", async (place) => {
    const { storage, homes } = await people(place, ["ana", "ben", "cleo", "dora"]);
    const [ana, ben, cleo, dora] = homes as [RadicleHome, RadicleHome, RadicleHome, RadicleHome];
    const work = join(ana.folder, "w");
    await mkdir(work);
    await ana.git(["init", "--quiet", `--initial-branch=${branch}`], work);
    const first = await commitIn(ana, work, "policy.ncl", "{ version = 1 }");
    const described = ["--name", "policy-x", "--description", "made by rad", "--default-branch", branch, "--public"];
    await ana.rad(["init", ...described, "--no-confirm", "--no-seed"], work);
    const rid = (await ana.rad(["."], work)).trim();
    const repoDir = repositoryDir(storage, rid);
    const identityRoot = (await ana.git(["--git-dir", repoDir, "rev-parse", "refs/rad/id"], work)).trim();
    const pin: RepositoryPin = { rid, identityRoot };
    assert.equal((await approvedHead(repoDir, pin, { branch })).commit, first);

    const [benWork, cleoWork] = [await checkedOut(ben, rid), await checkedOut(cleo, rid)];
    const board = ["--delegate", ben.key.did, "--delegate", cleo.key.did, "--threshold", "2"];
    await ana.rad(update("Name the delegates", ...board), work);
    const governed = await verifyRepository(repoDir, pin);
    assert.deepEqual([governed.delegates, governed.threshold], [[ana.key.did, ben.key.did, cleo.key.did], 2]);
    assert.equal((await approvedHead(repoDir, pin, { branch })).signedBy.length, 3);

    // A patch by one, merged by two.
    await ben.git(["checkout", "--quiet", "-b", "change"], benWork);
    const second = await commitIn(ben, benWork, "policy.ncl", "{ version = 2 }");
    const opened = await ben.tryGit(["push", "-o", "no-sync", "-o", "patch.message=Second version", "rad", "HEAD:refs/patches"], benWork);
    const patch = /[0-9a-f]{40}/.exec(opened.err)?.[0] ?? "";
    assert.equal(patch.length, 40, opened.err);
    assert.equal((await approvedHead(repoDir, pin, { branch })).commit, first);
    // A storage that is shared leaves rad's own cache of patches behind; replication would have filled it.
    await ana.rad(["patch", "cache"], work);
    await ana.rad(["patch", "checkout", patch, "--name", "change"], work);
    await ana.git(["checkout", "--quiet", branch], work);
    await ana.git(["merge", "--quiet", "--ff-only", "change"], work);
    await ana.git(["push", "-o", "no-sync", "rad", branch], work);
    assert.equal((await approvedHead(repoDir, pin, { branch })).commit, first);
    await ben.git(["checkout", "--quiet", branch], benWork);
    await ben.git(["merge", "--quiet", "--ff-only", "change"], benWork);
    await ben.git(["push", "-o", "no-sync", "rad", branch], benWork);
    const merged = await approvedHead(repoDir, pin, { branch, lastAccepted: first });
    assert.deepEqual([merged.commit, merged.signedBy.length], [second, 2]);
    assert.equal((await readTreeFiles(repoDir, second, { maxBytes: 1000 })).get("policy.ncl"), "{ version = 2 }");
    assert.match(await ana.rad(["patch", "show", patch], work), /merged/i);

    // One delegate goes back: rad's head falls behind with him, ours does not.
    await ben.git(["push", "-o", "no-sync", "--force", "rad", `${first}:refs/heads/${branch}`], benWork);
    assert.equal((await ana.git(["--git-dir", repoDir, "rev-parse", `refs/heads/${branch}`], work)).trim(), first);
    await assert.rejects(approvedHead(repoDir, pin, { branch, lastAccepted: second }), failsWith("policy_rollback"));
    await ben.git(["push", "-o", "no-sync", "--force", "rad", branch], benWork);
    assert.equal((await approvedHead(repoDir, pin, { branch, lastAccepted: second })).commit, second);

    // A new key takes the place of an old one; what the old one signs afterwards has no say.
    await checkedOut(dora, rid);
    const rotation = update("Dora for cleo", "--delegate", dora.key.did, "--rescind", cleo.key.did);
    const revision = (await ana.rad(rotation, work)).trim();
    assert.equal((await verifyRepository(repoDir, pin)).identity.doc.delegates.includes(cleo.key.did), true);
    await ben.rad(["id", "accept", revision, "--no-confirm"], benWork);
    const rotated = await verifyRepository(repoDir, pin, { knownRevision: governed.identity.revision });
    assert.deepEqual(rotated.delegates, [ana.key.did, ben.key.did, dora.key.did]);
    const third = await commitIn(cleo, cleoWork, "policy.ncl", "{ version = 666 }");
    await cleo.tryGit(["push", "-o", "no-sync", "--force", "rad", branch], cleoWork);
    await ben.git(["fetch", "--quiet", repoDir, `refs/namespaces/${cleo.nid}/refs/heads/${branch}`], benWork);
    await ben.tryGit(["push", "-o", "no-sync", "--force", "rad", `${third}:refs/heads/${branch}`], benWork);
    assert.equal((await approvedHead(repoDir, pin, { branch, lastAccepted: second })).commit, second);
  });

  peer("heads {C, C, child of C}: rad's head counts four votes of three delegates, ours three", async (place) => {
    const keys = Array.from({ length: 4 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey, SigningKey];
    const { storage, homes } = await people(place, ["ana", "ben", "cleo"], keys);
    const cleo = homes[2] as RadicleHome;
    const clock = manualClock(START_S * 1000);
    const repo = await createRepository({
      storageDir: storage,
      name: "policy-x",
      description: "",
      founder: keys[0],
      delegates: keys,
      threshold: 4,
      clock,
    });
    const work = join(cleo.folder, "w");
    await mkdir(work);
    await cleo.git(["init", "--quiet", `--initial-branch=${branch}`], work);
    const first = await commitIn(cleo, work, "policy.ncl", "{ version = 1 }");
    const push = (commit: string) =>
      cleo.tryGit(["push", "-o", "no-sync", `rad://${repo.rid.slice("rad:".length)}/${cleo.nid}`, `${commit}:refs/heads/${branch}`], work);
    await push(first);
    for (const key of keys.slice(0, 2)) await pushHead({ repo: repo.repoDir, key, branch, commit: first, clock });
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
    const canonical = () => cleo.tryGit(["--git-dir", repo.repoDir, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], work);
    assert.equal((await canonical()).out.trim(), "");
    await push(await commitIn(cleo, work, "policy.ncl", "{ version = 2 }"));
    assert.equal((await canonical()).out.trim(), first);
    await assert.rejects(approvedHead(repo.repoDir, repo, { branch }), failsWith("quorum_not_reached"));
  });
});
