// For tests: what somebody with the ops-controller's key could write, and what somebody without it could do to a clone.
import type { AuditRecord } from "@triplane/contract";
import { createObjectWriter, editTree, type ObjectId, openObjects, updateRefs } from "../git/index.ts";
import { namespaced, nidOfDid, refs } from "../radicle/layout.ts";
import { writeSignedCommit } from "../radicle/signed-commit.ts";
import { readSigrefs, writeSigrefs } from "../radicle/sigrefs.ts";
import { git, type TestLedger } from "../testing.ts";
import { type Batch, emptyPosition, hashRecord, planBatch } from "./batch.ts";
import { checkpointOrigin, signCheckpoint } from "./checkpoint.ts";
import { encodeRecords, recordsPath } from "./layout.ts";
import { loadIndexEnd } from "./subject-index.ts";
import { TileTree } from "./tiles.ts";

export interface Forgery {
  /** Commit that the forged one follows; the present head unless given, none for `undefined` with `asFirst`. */
  readonly parent?: ObjectId;
  readonly asFirst?: boolean;
  readonly changeFiles?: (files: Map<string, string | Buffer | undefined>) => void;
  readonly changeMessage?: (message: string) => string;
  readonly checkpointSize?: number;
  readonly checkpointTimeMs?: number;
  readonly secondParent?: ObjectId;
}

/** A batch signed with the controller's key in every place, wrong in the one that the forgery says. Returns the commit. */
export async function forgeBatch(ledger: TestLedger, records: readonly AuditRecord[], forgery: Forgery = {}): Promise<ObjectId> {
  const { controller: key, repoDir, pin } = ledger;
  const reader = openObjects(repoDir);
  const objects = createObjectWriter(repoDir);
  try {
    const parent = forgery.asFirst === true ? undefined : (forgery.parent ?? git(repoDir, ["rev-parse", "main"]));
    const before = parent === undefined ? undefined : await reader.commit(parent);
    const batch = await plan(ledger, records, before, reader);
    const files = new Map<string, string | Buffer | undefined>(batch.files);
    files.set(recordsPath(batch.firstIndex), encodeRecords(records.map((record) => record.token.compact)));
    forgery.changeFiles?.(files);
    const timeMs = forgery.checkpointTimeMs ?? ledger.clock.nowMs();
    const origin = checkpointOrigin("libre-wuji", pin.rid);
    const checkpoint = signCheckpoint(origin, forgery.checkpointSize ?? batch.tree.size, batch.tree.root(), timeMs, key);
    const changes = new Map<string, ObjectId | undefined>([["checkpoint", objects.blob(checkpoint.note)]]);
    for (const [path, content] of files) changes.set(path, content === undefined ? undefined : objects.blob(content));
    const tree = await editTree(reader, objects, before?.tree, changes);
    const message = forgery.changeMessage?.(batch.message) ?? batch.message;
    const parents = [parent, forgery.secondParent].filter((id) => id !== undefined);
    const commit = await writeSignedCommit(objects, { tree, parents, message, author: "ops-controller", timeS: 1 }, key);
    await objects.flush();
    await signHead(ledger, commit);
    return commit;
  } finally {
    reader.close();
  }
}

async function plan(
  ledger: TestLedger,
  records: readonly AuditRecord[],
  before: { readonly tree: ObjectId; readonly message: string } | undefined,
  reader: ReturnType<typeof openObjects>,
): Promise<Batch> {
  const planned = records.map((record) => hashRecord(record.claims.subject, record.token.compact));
  if (before === undefined) return planBatch(emptyPosition(ledger.pin.rid), planned);
  const readFile = (path: string) => reader.fileAt(before.tree, path);
  const size = Number((await readFile("checkpoint"))?.toString("utf8").split("\n")[1]);
  const chainHead = `sha256:${/Chain: sha256:([0-9a-f]{64})/.exec(before.message)?.[1] ?? ""}` as const;
  const position = { tree: await TileTree.load(size, readFile), index: await loadIndexEnd(size, readFile), chainHead, timeMs: 0 };
  return planBatch(position, planned);
}

/** Signs a head with the controller's key, wherever it points. */
export async function signHead(ledger: TestLedger, commit: ObjectId): Promise<void> {
  const { controller: key, repoDir, pin } = ledger;
  const nid = nidOfDid(key.did);
  const [sigrefsName, headName] = [namespaced(nid, refs.sigrefs), namespaced(nid, refs.head("main"))];
  const reader = openObjects(repoDir);
  try {
    const tip = git(repoDir, ["rev-parse", sigrefsName]);
    const { refs: signed } = await readSigrefs(reader, key.did, tip, pin.identityRoot);
    const objects = createObjectWriter(repoDir);
    const next = await writeSigrefs(objects, key, new Map([...signed, [refs.head("main"), commit]]), tip, 0);
    await objects.flush();
    await updateRefs(repoDir, [{ name: sigrefsName, value: next, old: tip }]);
    for (const name of [headName, "refs/heads/main"]) git(repoDir, ["update-ref", name, commit]);
  } finally {
    reader.close();
  }
}

/** Replaces a file in a commit of a repository as somebody without any key would: objects are consistent, signatures are not. */
export function rewriteFile(repoDir: string, commit: ObjectId, path: string, change: (content: string) => string): ObjectId {
  const content = git(repoDir, ["show", `${commit}:${path}`]);
  const blob = git(repoDir, ["hash-object", "-w", "--stdin"], `${change(content)}\n`);
  const [name = "", ...folders] = path.split("/").reverse();
  let entry = `100644 blob ${blob}\t${name}`;
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const folder = folders
      .slice(folders.length - depth)
      .reverse()
      .join("/");
    const lines = git(repoDir, ["ls-tree", `${commit}:${folder}`]).split("\n");
    const entryName = entry.split("\t")[1];
    const tree = git(repoDir, ["mktree"], `${lines.map((line) => (line.split("\t")[1] === entryName ? entry : line)).join("\n")}\n`);
    entry = `040000 tree ${tree}\t${folder.split("/").at(-1)}`;
  }
  const tree = entry.split(" ")[2]?.split("\t")[0] ?? "";
  const raw = git(repoDir, ["cat-file", "commit", commit]).replace(/^tree [0-9a-f]{40}/, `tree ${tree}`);
  return git(repoDir, ["hash-object", "-t", "commit", "-w", "--stdin"], `${raw}\n`);
}
