// What we write, the real Radicle accepts: inspected, listed, shown, and the same bytes where both write the same thing.
import assert from "node:assert/strict";
import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "node:test";
import { generateSigningKey, type SigningKey, signingKeyFromSeed } from "@triplane/contract";
import { commitFiles, createRepository, decodeDocument, pushHead, repositoryDir, reviseIdentity, verifyRepository } from "@triplane/ledger";
import { manualClock } from "@triplane/testkit";
import { installation } from "../e2e/installation.ts";
import { run } from "../e2e/program.ts";
import { type PeerPlace, peer } from "./peer-test.ts";
import { type RadicleHome, radicleHome } from "./radicle-home.ts";

const START_S = 1_790_000_000;

/** Somebody's rad whose storage we write into. */
function reader(place: PeerPlace, key: SigningKey = generateSigningKey(), times: { readonly timeS?: number } = {}): Promise<RadicleHome> {
  return radicleHome({ programs: place.programs, folder: join(place.folder, "r"), key, alias: "founder", ...times });
}

/** The lines of `rad inspect --sigrefs`, as we read them. */
async function sigrefsLines(repoDir: string, pin: { readonly rid: string; readonly identityRoot: string }): Promise<readonly string[]> {
  const { chains } = await verifyRepository(repoDir, pin);
  return [...chains].map(([did, chain]) => `${did.slice("did:key:".length)} ${chain[0]?.commit} parent`).sort();
}

describe("peer: rad accepts what we write", () => {
  peer("inspect, id list and id show of the three repositories of `triplane init`", async (place) => {
    await using installed = await installation("peer-init");
    const home = join(installed.folder, "home");
    const made = await run(installed.program("triplane"), ["init", "--home", home], { cwd: installed.folder, env: installed.env });
    assert.equal(made.code, 0, made.err);
    const { pins } = JSON.parse(await readFile(join(home, "workspace.json"), "utf8"));
    await using at = await reader(place);
    await cp(join(home, "storage"), at.storage, { recursive: true });
    for (const [name, threshold, delegates] of [
      ["policy", 2, 3],
      ["desired", 2, 3],
      ["state", 1, 1],
    ] as const) {
      const pin = pins[name];
      const ours = await verifyRepository(repositoryDir(at.storage, pin.rid), pin);
      assert.deepEqual([ours.threshold, ours.delegates.length], [threshold, delegates]);
      const identity = JSON.parse(await at.rad(["inspect", pin.rid, "--identity"]));
      assert.deepEqual(identity.delegates, ours.delegates);
      assert.equal(identity.threshold, threshold);
      const sigrefs = (await at.rad(["inspect", pin.rid, "--sigrefs"])).trimEnd().split("\n").sort();
      assert.deepEqual(sigrefs, await sigrefsLines(repositoryDir(at.storage, pin.rid), pin));
      for (const revision of ours.identity.revisions) {
        assert.match(await at.rad(["id", "show", revision, "--repo", pin.rid]), /State +accepted/);
        assert.match(await at.rad(["id", "list", "--repo", pin.rid]), new RegExp(`${revision.slice(0, 7)} .* accepted`));
      }
      assert.match(await at.rad(["inspect", pin.rid, "--refs"]), /sigrefs/);
    }
  });

  peer("a change of the delegates that a majority accepted is in force for both, one without is for neither", async (place) => {
    await using at = await reader(place);
    const clock = manualClock(START_S * 1000);
    const delegates = Array.from({ length: 3 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey];
    const [a, b, c] = delegates;
    const spec = { storageDir: at.storage, name: "policy-x", description: "for tests", founder: a, delegates, threshold: 2, clock };
    const repo = await createRepository(spec);
    const before = await verifyRepository(repo.repoDir, repo);
    const doc = { ...before.identity.doc, description: "changed" };
    const change = { repo: repo.repoDir, parent: before.identity.revision, author: a, clock };
    const proposed = await reviseIdentity({ ...change, doc, acceptedBy: [] });
    assert.match(await at.rad(["id", "show", proposed, "--repo", repo.rid]), /State +active/);
    assert.equal((await verifyRepository(repo.repoDir, repo)).identity.revision, before.identity.revision);
    const accepted = await reviseIdentity({ ...change, doc: { ...doc, threshold: 3 }, author: b, acceptedBy: [c] });
    assert.match(await at.rad(["id", "show", accepted, "--repo", repo.rid]), /State +accepted/);
    assert.match(await at.rad(["id", "show", proposed, "--repo", repo.rid]), /State +rejected/);
    const after = await verifyRepository(repo.repoDir, repo);
    assert.deepEqual([after.identity.revision, after.threshold], [accepted, 3]);
    assert.equal(JSON.parse(await at.rad(["inspect", repo.rid, "--identity"])).threshold, 3);
  });

  peer("three of five are enough for rad to lower a threshold of four; for us they are not", async (place) => {
    await using at = await reader(place);
    const clock = manualClock(START_S * 1000);
    const delegates = Array.from({ length: 5 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey, SigningKey, SigningKey];
    const [a, b, c] = delegates;
    const spec = { storageDir: at.storage, name: "policy-x", description: "", founder: a, delegates, threshold: 4, clock };
    const repo = await createRepository(spec);
    const { identity } = await verifyRepository(repo.repoDir, repo);
    const change = { repo: repo.repoDir, parent: identity.revision, author: a, acceptedBy: [b, c], clock };
    const seized = await reviseIdentity({ ...change, doc: { ...identity.doc, threshold: 1 } });
    assert.match(await at.rad(["id", "show", seized, "--repo", repo.rid]), /State +accepted/);
    assert.equal((await verifyRepository(repo.repoDir, repo)).threshold, 4);
  });

  peer(
    "byte for byte: the same key, document and time give the identity, its change and the signed refs that rad writes",
    async (place) => {
      const key = signingKeyFromSeed(new Uint8Array(32).fill(0xff));
      const clock = manualClock(START_S * 1000);
      await using home = await reader(place, key, { timeS: START_S });
      const storageDir = join(place.folder, "ours");
      const spec = { storageDir, name: "policy-x", description: "for tests", founder: key, delegates: [], threshold: 1, clock };
      const ours = await createRepository(spec);
      const files = { "policy.ncl": "{ version = 1 }" };
      const head = await commitFiles({ repo: ours.repoDir, key, parent: undefined, files, message: "First", timeS: START_S });
      const work = join(place.folder, "w");
      await mkdir(work);
      await home.git(["init", "--quiet", "--initial-branch=main"], work);
      // A commit that no ref names cannot be fetched by its id from a folder.
      await home.git(["--git-dir", ours.repoDir, "update-ref", "refs/heads/tip", head], work);
      await home.git(["fetch", "--quiet", ours.repoDir, "refs/heads/tip:refs/heads/main", "--update-head-ok"], work);
      const described = ["--name", "policy-x", "--description", "for tests", "--default-branch", "main", "--public"];
      await home.rad(["init", ...described, "--no-confirm", "--no-seed"], work);
      assert.equal((await home.rad(["."], work)).trim(), ours.rid);
      const theirs = { ...ours, repoDir: repositoryDir(home.storage, ours.rid) };
      const read = await verifyRepository(theirs.repoDir, ours);
      assert.equal(read.identity.root, ours.identityRoot);

      const { identity } = await verifyRepository(ours.repoDir, ours);
      const doc = { ...identity.doc, description: "changed" };
      const change = { repo: ours.repoDir, parent: identity.revision, author: key, acceptedBy: [], clock };
      const revision = await reviseIdentity({ ...change, doc });
      await home.git(["--git-dir", theirs.repoDir, "config", "user.name", "delegate"], work);
      await home.git(["--git-dir", theirs.repoDir, "config", "user.email", `delegate@${home.nid}`], work);
      const update = ["id", "update", "--title", "Change the delegates", "--description", "", "--no-confirm", "-q"];
      const said = await home.rad([...update, "--payload", "xyz.radicle.project", "description", '"changed"'], work);
      assert.equal(said.trim(), revision);
      assert.deepEqual((await verifyRepository(theirs.repoDir, ours)).identity, (await verifyRepository(ours.repoDir, ours)).identity);

      await pushHead({ repo: ours.repoDir, key, branch: "main", commit: head, clock });
      const [mine, his] = [await verifyRepository(ours.repoDir, ours), await verifyRepository(theirs.repoDir, ours)];
      assert.deepEqual(mine.signed, his.signed);
      assert.deepEqual(his.strayRefs, []);
      assert.deepEqual(
        decodeDocument(Buffer.from(await home.git(["--git-dir", theirs.repoDir, "cat-file", "-p", mine.identity.blob], work))),
        doc,
      );
    },
  );
});
