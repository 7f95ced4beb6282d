// Fetching from and pushing to remotes. git carries the bytes; what they are worth is decided here and by every reader.
//
// 1. What comes in goes to refs of its own first, and from there into namespaces only as their owners signed it (`takeIn`).
// 2. Only the own namespace is ever pushed, and never behind a remote that has newer refs of it.
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Did, isDid, type Random, TriplaneError } from "@triplane/contract";
import {
  namespaceChain,
  namespaceTips,
  nidOfDid,
  type RepositoryPin,
  readNamespaces,
  type TakenNamespace,
  takeIn,
  verifyRepository,
} from "@triplane/ledger";
import { readSeen } from "./memory.ts";
import { type NetworkRun, runNetworkGit } from "./network-git.ts";
import { addressOf, prepareFolder } from "./remote.ts";
import { type Remote, type RepositoryName, repoDirOf, type Site } from "./site.ts";

const TIMEOUT_MS = 60_000;
const NAMESPACES = "refs/namespaces/";
const SIGREFS = "refs/rad/sigrefs";

export interface ExchangeOptions {
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

export interface FetchOptions extends ExchangeOptions {
  /** Whose namespace no remote may move. */
  readonly own?: Did | undefined;
}

/** Fetches everybody's namespaces of a repository into a local one, which is made where there is none. Throws `remote_failed`. */
export async function fetchNamespaces(
  repoDir: string,
  pin: RepositoryPin,
  address: string,
  options: FetchOptions & { readonly seen: ReadonlyMap<Did, string> },
): Promise<readonly TakenNamespace[]> {
  const run = { timeoutMs: options.timeoutMs ?? TIMEOUT_MS, signal: options.signal };
  if ((await stat(join(repoDir, "objects")).catch(() => undefined)) === undefined) {
    await mkdir(repoDir, { recursive: true });
    await runNetworkGit(repoDir, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main"], run);
  }
  const theirs = await tipsAt(repoDir, address, run);
  const mine = await namespaceTips(repoDir);
  // Fetching writes refs and syncs them; a keeper asks every few seconds, and nearly always nothing has changed.
  if ([...theirs].every(([did, tip]) => mine.get(did) === tip))
    return [...theirs.keys()].map((did) => ({ did, result: did === options.own ? "own" : "same" }));
  const prefix = `refs/triplane/incoming/${Buffer.from(options.random.bytes(8)).toString("hex")}/`;
  const how = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc"];
  await runNetworkGit(repoDir, ["fetch", ...how, "--", address, `+${NAMESPACES}*:${prefix}*`], run);
  return await takeIn({ repoDir, pin, prefix, own: options.own, seen: options.seen });
}

export interface Fetched {
  readonly remote: string;
  readonly repository: RepositoryName;
  readonly taken: readonly TakenNamespace[];
}

/** Fetches one repository of the site from one remote, and verifies that it is the pinned one. Throws `remote_failed`, `rid_mismatch`, `identity_invalid`. */
export async function fetchRepository(site: Site, name: RepositoryName, remote: Remote, options: FetchOptions): Promise<Fetched> {
  const pin = site.pins[name];
  const { tips } = await readSeen(site.memoryFile, pin.rid);
  const repoDir = repoDirOf(site, name);
  const taken = await fetchNamespaces(repoDir, pin, addressOf(remote, pin.rid), { ...options, seen: tips });
  await verifyRepository(repoDir, pin);
  return { remote: remote.name, repository: name, taken };
}

/** Pushes the key's own namespace. Returns false where the remote has it already. Throws `remote_failed`, `refs_diverged`. */
export async function pushRepository(
  site: Site,
  name: RepositoryName,
  remote: Remote,
  own: Did,
  options: ExchangeOptions,
): Promise<boolean> {
  const pin = site.pins[name];
  const repoDir = repoDirOf(site, name);
  const run = { timeoutMs: options.timeoutMs ?? TIMEOUT_MS, signal: options.signal };
  const mine = (await readNamespaces(repoDir, pin)).signed.get(own);
  if (mine === undefined) return false;
  const fresh = await prepareFolder(remote, pin.rid);
  if (fresh !== undefined) await runNetworkGit(fresh, ["init", "--quiet", "--bare", "--template=", "--initial-branch=main"], run);
  const theirs = (await remoteTips(site, name, remote, options)).get(own);
  if (theirs === mine.commit) return false;
  if (theirs !== undefined) await assertKnown(site, name, own, theirs);
  const space = `${NAMESPACES}${nidOfDid(own)}`;
  // The signed refs only ever go forward, and all refs or none: of two machines that sign with one key at the same time, one is told.
  const forward = `${space}/${SIGREFS}:${space}/${SIGREFS}`;
  const rest = `+${space}/*:${space}/*`;
  const how = ["--quiet", "--prune", "--atomic", "--no-verify"];
  await runNetworkGit(repoDir, ["push", ...how, "--", addressOf(remote, pin.rid), forward, rest], run);
  return true;
}

/** Everybody's signed refs as a remote has them now; nothing of it is verified. Throws `remote_failed`. */
export async function remoteTips(
  site: Site,
  name: RepositoryName,
  remote: Remote,
  options: ExchangeOptions,
): Promise<ReadonlyMap<Did, string>> {
  const run = { timeoutMs: options.timeoutMs ?? TIMEOUT_MS, signal: options.signal };
  return await tipsAt(repoDirOf(site, name), addressOf(remote, site.pins[name].rid), run);
}

async function tipsAt(repoDir: string, address: string, run: NetworkRun): Promise<ReadonlyMap<Did, string>> {
  const listing = await runNetworkGit(repoDir, ["ls-remote", "--quiet", "--", address, `${NAMESPACES}*/${SIGREFS}`], run);
  const tips = new Map<Did, string>();
  for (const line of listing.split("\n")) {
    const [, tip, nid] = /^([0-9a-f]{40})\trefs\/namespaces\/([1-9A-HJ-NP-Za-km-z]+)\/refs\/rad\/sigrefs$/.exec(line) ?? [];
    const did = `did:key:${nid ?? ""}`;
    if (tip !== undefined && isDid(did)) tips.set(did, tip);
  }
  return tips;
}

async function assertKnown(site: Site, name: RepositoryName, own: Did, theirs: string): Promise<void> {
  if ((await namespaceChain(repoDirOf(site, name), site.pins[name], own)).some(({ commit }) => commit === theirs)) return;
  throw new TriplaneError("refs_diverged", `the remote has signed refs of yours (${theirs}) that this machine does not know`, {
    hint: "This machine has an older copy than you pushed before, or your key is used elsewhere. Never sign from an old backup: fetch into a new clone and compare.",
  });
}
