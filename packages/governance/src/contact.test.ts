import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemRandom } from "@triplane/kit";
import { approvedHead } from "@triplane/ledger";
import { RemoteContact } from "./contact.ts";
import { propose } from "./propose.ts";
import { openGoverned } from "./repository.ts";
import { listRefsOf, runGitIn } from "./testing/git.ts";
import { policyFiles, sigrefsOf, temporaryFolder, town } from "./testing/town.ts";
import { approve, findProposal } from "./vote.ts";

test("RemoteContact: brings a folder of its own up to date; a remote that is away, emptied or set back is no contact", async () => {
  const world = await town();
  const { ana, ben, clock, remote, review } = world;
  const pin = ana.site.pins.policy;
  const address = `${remote.url}/${pin.rid.slice("rad:".length)}`;
  const repoDir = join(await temporaryFolder(), "policy");
  const { signal } = new AbortController();
  const contact = new RemoteContact({ repoDir, pin, address, clock, random: systemRandom, signal });
  const before = new Map(
    await Promise.all(
      [ana, ben].map(async (each) => [each, (await listRefsOf(address, sigrefsOf(each))).get(sigrefsOf(each)) ?? ""] as const),
    ),
  );
  const made = await propose(ana.site, await openGoverned(ana.site, "policy"), {
    ...{ ...review, key: ana.key, principal: "ana", clock, files: policyFiles(world, { version: 1 }), title: "First" },
  });
  await ana.push();
  for (const each of [ana, ben]) {
    await each.fetch();
    await approve(each.site, await findProposal(each.site, made.commit), made.words, { ...review, key: each.key, clock });
    await each.push();
  }
  await contact.fetch();
  assert.deepEqual([contact.atMs, contact.problem], [clock.nowMs(), undefined]);
  assert.equal((await approvedHead(repoDir, pin, { branch: "main" })).commit, made.commit);

  const reached = contact.atMs;
  clock.advance(5000);
  await rename(address, `${address}.away`);
  await contact.fetch();
  assert.deepEqual([contact.atMs, contact.problem?.code], [reached, "remote_failed"]);
  await rename(`${address}.away`, address);
  await contact.fetch();
  assert.equal(contact.atMs, clock.nowMs());

  clock.advance(5000);
  for (const [each, tip] of before) await runGitIn(address, ["update-ref", sigrefsOf(each), tip]);
  await contact.fetch();
  assert.match(contact.problem?.message ?? "", /up-to-date signed refs of 1 delegates, 2 decide/);
  assert.equal((await approvedHead(repoDir, pin, { branch: "main" })).commit, made.commit, "and nothing went back");
});
