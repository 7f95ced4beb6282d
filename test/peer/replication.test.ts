// Three seeds on loopback replicate the three repositories of a workspace. Judged by signed refs in each storage, never by what a program says.
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "node:test";
import { generateSigningKey, type SigningKey, verifyAuditRecord } from "@triplane/contract";
import {
  approvedHead,
  type CreatedRepository,
  commitFiles,
  createRepository,
  openLedgerWriter,
  pushHead,
  type RepositoryPin,
  repositoryDir,
  verifyLedger,
  verifyRepository,
} from "@triplane/ledger";
import { announceRefs, nidOf, watchNode } from "@triplane/radicle";
import { buildAdmission, buildAuditRecord, buildOp, eventually, manualClock } from "@triplane/testkit";
import { type PeerPlace, peer } from "./peer-test.ts";
import { radicleHome } from "./radicle-home.ts";
import { type Seed, seedProcess } from "./seed-process.ts";

const WORKSPACE = "libre-wuji";
const branch = "main";

interface Workspace {
  readonly storage: string;
  readonly operators: readonly SigningKey[];
  readonly controller: SigningKey;
  readonly policy: CreatedRepository;
  readonly desired: CreatedRepository;
  readonly state: CreatedRepository;
  readonly pins: readonly RepositoryPin[];
  /** Two operators sign a new commit of the policy. Returns it. */
  changePolicy(text: string): Promise<string>;
  /** One more batch of the ledger. Returns its size. */
  append(): Promise<number>;
}

async function workspace(place: PeerPlace): Promise<Workspace> {
  const storage = join(place.folder, "storage");
  const clock = manualClock(Date.now());
  const operators = Array.from({ length: 3 }, generateSigningKey) as [SigningKey, SigningKey, SigningKey];
  const controller = generateSigningKey();
  const spec = { storageDir: storage, description: "for tests", clock };
  const board = { ...spec, founder: operators[0], delegates: operators, threshold: 2 };
  const policy = await createRepository({ ...board, name: `policy-${WORKSPACE}` });
  const desired = await createRepository({ ...board, name: `${WORKSPACE}-desired` });
  const state = await createRepository({ ...spec, name: `${WORKSPACE}-state`, founder: controller, delegates: [], threshold: 1 });
  let seq = 0;
  const append = async (): Promise<number> => {
    seq += 1;
    clock.advance(1000);
    const context = { workspace: WORKSPACE, policyRid: policy.rid, clock };
    const { op } = buildOp({ seq }, { ...context, key: operators[0] });
    const record = buildAuditRecord(op, buildAdmission(op, {}, context), {}, { ...context, key: controller });
    const writer = await openLedgerWriter({ repoDir: state.repoDir, key: controller, pin: state, clock });
    const { size } = await writer.append([verifyAuditRecord(record.compact)]);
    await writer.close();
    return size;
  };
  const change = async (repo: CreatedRepository, text: string): Promise<string> => {
    clock.advance(1000);
    const parent = await approvedHead(repo.repoDir, repo, { branch }).then(
      ({ commit }) => commit,
      () => undefined,
    );
    const timeS = Math.floor(clock.nowMs() / 1000);
    const commit = await commitFiles({ repo: repo.repoDir, key: operators[0], parent, files: { "a.ncl": text }, message: text, timeS });
    for (const key of operators.slice(0, 2)) await pushHead({ repo: repo.repoDir, key, branch, commit, clock });
    return commit;
  };
  await change(policy, "{ version = 1 }");
  await change(desired, "{ version = 1 }");
  await append();
  return {
    storage,
    operators,
    controller,
    policy,
    desired,
    state,
    pins: [policy, desired, state],
    append,
    changePolicy: (text) => change(policy, text),
  };
}

/** Where each delegate's signed refs stand in a storage; undefined where the repository is not there or does not verify. */
async function signedTips(storage: string, pin: RepositoryPin): Promise<Readonly<Record<string, string | undefined>> | undefined> {
  try {
    const { chains, delegates } = await verifyRepository(repositoryDir(storage, pin.rid), pin);
    return Object.fromEntries(delegates.map((did) => [did, chains.get(did)?.[0]?.commit]));
  } catch {
    return undefined;
  }
}

/** Waits until a storage has every signed ref of the workspace's own. */
async function inStep(it: Workspace, storage: string, what: string): Promise<void> {
  for (const pin of it.pins) {
    const wanted = JSON.stringify(await signedTips(it.storage, pin));
    await eventually(async () => JSON.stringify(await signedTips(storage, pin)) === wanted, { timeoutMs: 60_000, intervalMs: 200, what });
  }
}

/** Three seeds: one on the workspace's own storage, two that know only that one. */
async function seeds(place: PeerPlace, it: Workspace): Promise<[Seed, Seed, Seed]> {
  const common = { programs: place.programs, repositories: it.pins.map(({ rid }) => rid) };
  const workload = await seedProcess({ ...common, folder: join(place.folder, "1"), alias: "workload", peers: [], storage: it.storage });
  await workload.start();
  const others = ["ci", "signing"].map((alias, at) =>
    seedProcess({ ...common, folder: join(place.folder, `${at + 2}`), alias, peers: [workload.address] }),
  );
  const [ci, signing] = (await Promise.all(others)) as [Seed, Seed];
  await Promise.all([ci.start(), signing.start()]);
  return [workload, ci, signing];
}

describe("peer: seeds of the three planes", () => {
  peer("replicate all three repositories; one that was away catches up; a lost storage comes back", async (place) => {
    const it = await workspace(place);
    const [workload, ci, signing] = await seeds(place, it);
    await using stack = new AsyncDisposableStack();
    for (const seed of [workload, ci, signing]) stack.use(seed);
    for (const seed of [ci, signing]) await inStep(it, seed.storage, "the first replication");

    await signing.stop();
    const commit = await it.changePolicy("{ version = 2 }");
    const size = await it.append();
    await inStep(it, ci.storage, "a change that nobody announced by hand");
    assert.equal((await approvedHead(repositoryDir(ci.storage, it.policy.rid), it.policy, { branch })).commit, commit);
    await signing.start();
    await inStep(it, signing.storage, "catching up");
    const report = await verifyLedger(repositoryDir(signing.storage, it.state.rid), it.state, { graceS: 0, policyRid: it.policy.rid });
    assert.deepEqual([report.size, report.signedRefs, report.problems], [size, true, []]);

    await ci.stop();
    await rm(ci.storage, { recursive: true });
    await mkdir(ci.storage);
    await ci.start();
    await inStep(it, ci.storage, "a storage that was lost");
  });

  peer("an announcement through the control socket reaches a peer, and the peer says so with the signed refs", async (place) => {
    const it = await workspace(place);
    const [workload, ci, signing] = await seeds(place, it);
    await using stack = new AsyncDisposableStack();
    for (const seed of [workload, ci, signing]) stack.use(seed);
    for (const seed of [ci, signing]) await inStep(it, seed.storage, "the first replication");

    const watching = new AbortController();
    const announcers = new Set<string>();
    const controller = nidOf(it.controller.did);
    const tip = async () => (await signedTips(it.storage, it.state))?.[it.controller.did];
    const watch = (async () => {
      for await (const event of watchNode(workload.socket, watching.signal)) {
        if (event.type !== "refsAnnounced" || event.rid !== it.state.rid) continue;
        const at = await tip();
        if (event.refs.some((refs) => refs.remote === controller && refs.at === at)) announcers.add(event.nid);
      }
    })();
    await it.append();
    await announceRefs(workload.socket, it.state.rid, [controller]);
    await inStep(it, ci.storage, "the announcement");
    await inStep(it, signing.storage, "the announcement");
    await eventually(() => announcers.size === 2, { timeoutMs: 30_000, what: "both seeds to announce what they fetched" });
    watching.abort();
    await watch;
  });

  peer("rad clone of all three from a seed, by somebody with nothing else; the ledger verifies from the clone", async (place) => {
    const it = await workspace(place);
    const [workload, ci, signing] = await seeds(place, it);
    await using stack = new AsyncDisposableStack();
    for (const seed of [workload, ci, signing]) stack.use(seed);
    await inStep(it, ci.storage, "the first replication");

    const key = generateSigningKey();
    await using auditor = await radicleHome({
      programs: place.programs,
      folder: join(place.folder, "a"),
      key,
      alias: "auditor",
      connect: [ci.address],
    });
    await auditor.startNode();
    const [ciNid = ""] = ci.address.split("@");
    for (const pin of it.pins) await auditor.rad(["clone", pin.rid, "--seed", ciNid, "--scope", "all"]);
    for (const pin of it.pins) assert.deepEqual(await signedTips(auditor.storage, pin), await signedTips(it.storage, pin));
    const report = await verifyLedger(repositoryDir(auditor.storage, it.state.rid), it.state, { graceS: 0, policyRid: it.policy.rid });
    assert.deepEqual([report.ok, report.size, report.problems], [true, 1, []]);
    const plain = await verifyLedger(join(auditor.folder, `${WORKSPACE}-state`), it.state, { controller: it.controller.did, graceS: 0 });
    assert.deepEqual([plain.size, plain.problems], [1, []]);
  });
});
