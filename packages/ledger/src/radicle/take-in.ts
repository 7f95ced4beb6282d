// Takes namespaces that were brought from elsewhere into a repository, each only as its owner signed it.
//
// 1. Nobody's signed refs go back: what comes in must continue the chain that is there, or the one that was remembered.
// 2. The own namespace is never moved by anybody else.
// 3. Data refs become what the signed refs say, whatever refs came along. Identity and quorum are the reader's to judge.
import { type Did, isDid, TriplaneError, toTriplaneError } from "@triplane/contract";
import {
  assertRefName,
  listRefs,
  type ObjectId,
  type ObjectReader,
  openObjects,
  type RefUpdate,
  runGit,
  updateRefs,
} from "../git/index.ts";
import type { RepositoryPin } from "../types.ts";
import { didOfNid, namespaced, nidOfDid, refs } from "./layout.ts";
import { readSigrefsChain, type SigrefsEntry } from "./sigrefs.ts";

const MAX_NAMESPACES = 256;

export interface TakeInOptions {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  /** Where the refs were fetched to: `<prefix><nid>/refs/…`. They are removed at the end. */
  readonly prefix: string;
  readonly own?: Did | undefined;
  /** The signed refs that were seen of somebody, for those whose namespace is not there any more. */
  readonly seen: ReadonlyMap<Did, ObjectId>;
}

export interface TakenNamespace {
  readonly did: Did;
  /** `behind`: the other side has older signed refs than this one, which is no fault. */
  readonly result: "new" | "moved" | "same" | "behind" | "own" | "refused";
  readonly failure?: TriplaneError;
}

/** Throws `git_failed` where refs cannot be set. */
export async function takeIn(options: TakeInOptions): Promise<readonly TakenNamespace[]> {
  const { repoDir, prefix } = options;
  const incoming = await listRefs(repoDir, prefix);
  const there = await listRefs(repoDir, refs.namespaces);
  const objects = openObjects(repoDir);
  try {
    const taken: TakenNamespace[] = [];
    for (const [name, tip] of incoming) {
      const [nid = "", ...rest] = name.slice(prefix.length).split("/");
      const did = didOfNid(nid);
      if (rest.join("/") !== refs.sigrefs || !isDid(did) || taken.length >= MAX_NAMESPACES) continue;
      const loose = new Map([...there].filter(([ref]) => ref.startsWith(refs.namespace(nid))));
      taken.push(await takeOne(objects, did, tip, loose, options));
    }
    return taken;
  } finally {
    objects.close();
    await deleteRefs(repoDir, incoming);
  }
}

async function takeOne(
  objects: ObjectReader,
  did: Did,
  tip: ObjectId,
  loose: ReadonlyMap<string, ObjectId>,
  options: TakeInOptions,
): Promise<TakenNamespace> {
  const { repoDir, pin, own, seen } = options;
  if (did === own) return { did, result: "own" };
  const current = loose.get(namespaced(nidOfDid(did), refs.sigrefs));
  if (tip === current) return { did, result: "same" };
  try {
    const last = current ?? seen.get(did);
    const [newest] = await continuing(objects, did, tip, pin.identityRoot, last);
    if (newest === undefined) return { did, result: "behind" };
    await setNamespace(objects, repoDir, did, newest, loose);
    return { did, result: current === undefined ? "new" : "moved" };
  } catch (thrown) {
    return { did, result: "refused", failure: toTriplaneError(thrown, "sigrefs_invalid") };
  }
}

/** The chain from a tip down to what was there before; empty where the tip is older than that. Throws `refs_diverged`, `sigrefs_invalid`. */
async function continuing(
  objects: ObjectReader,
  did: Did,
  tip: ObjectId,
  root: ObjectId,
  last: ObjectId | undefined,
): Promise<readonly SigrefsEntry[]> {
  const chain = await readSigrefsChain(objects, did, tip, root);
  if (last === undefined || chain.some(({ commit }) => commit === last)) return chain;
  const before = (await objects.has(last)) ? await readSigrefsChain(objects, did, last, root) : [];
  if (before.some(({ commit }) => commit === tip)) return [];
  throw new TriplaneError("refs_diverged", `the signed refs ${tip} of ${did} do not continue ${last}, which was seen before`, {
    details: { delegate: did, seen: last, offered: tip },
  });
}

async function setNamespace(
  objects: ObjectReader,
  repoDir: string,
  did: Did,
  entry: SigrefsEntry,
  loose: ReadonlyMap<string, ObjectId>,
): Promise<void> {
  const nid = nidOfDid(did);
  const updates: RefUpdate[] = [];
  for (const [ref, value] of entry.refs) {
    if (!isPlain(ref)) continue;
    if (!(await objects.has(value)))
      throw new TriplaneError("sigrefs_invalid", `${did} signed ${ref} at ${value}, which did not come along`);
    const name = namespaced(nid, ref);
    updates.push({ name, value, old: loose.get(name) });
  }
  const wanted = new Set(updates.map(({ name }) => name));
  const sigrefs = namespaced(nid, refs.sigrefs);
  await deleteRefs(repoDir, new Map([...loose].filter(([name]) => name !== sigrefs && !wanted.has(name))));
  await updateRefs(repoDir, [...updates, { name: sigrefs, value: entry.commit, old: loose.get(sigrefs) }]);
}

/** Names as git listed them; all in one go. */
async function deleteRefs(repoDir: string, names: ReadonlyMap<string, ObjectId>): Promise<void> {
  if (names.size === 0) return;
  const lines = [...names].map(([name, value]) => `delete ${name} ${value}\n`);
  await runGit(repoDir, ["update-ref", "--stdin"], { stdin: lines.join("") });
}

/** Refs that this program could set; people may sign others, which nothing here reads. */
function isPlain(ref: string): boolean {
  try {
    assertRefName(ref);
    return true;
  } catch {
    return false;
  }
}
