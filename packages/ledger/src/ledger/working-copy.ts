// Compares the files of a working copy with the head that was verified: what a person opens is what was signed.
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectId, ObjectReader } from "../git/index.ts";
import type { LedgerProblem } from "../types.ts";
import { RECORDS_FOLDER } from "./layout.ts";

/**
 * The first file that differs, with the record where it is one. Reads files itself: git's filters and attributes have no say.
 * Files that a tree which was verified before has as well are left out.
 */
export async function verifyWorkingCopy(
  objects: ObjectReader,
  folder: string,
  head: ObjectId | undefined,
  before: ObjectId | undefined,
): Promise<LedgerProblem[]> {
  if (head === undefined) return [];
  const problem = await compareFolder(objects, (await objects.commit(head)).tree, before, folder, "");
  return problem === undefined ? [] : [problem];
}

async function compareFolder(
  objects: ObjectReader,
  tree: ObjectId,
  before: ObjectId | undefined,
  folder: string,
  prefix: string,
): Promise<LedgerProblem | undefined> {
  const known = new Map(before === undefined ? [] : (await objects.tree(before)).map((entry) => [entry.name, entry] as const));
  for (const entry of await objects.tree(tree)) {
    const earlier = known.get(entry.name);
    if (earlier?.id === entry.id && earlier.mode === entry.mode) continue;
    const path = `${prefix}${entry.name}`;
    const place = join(folder, entry.name);
    const problem =
      entry.mode === "40000"
        ? await compareFolder(objects, entry.id, earlier?.mode === "40000" ? earlier.id : undefined, place, `${path}/`)
        : compareFile(path, await objects.blob(entry.id), await readPlain(place));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

async function readPlain(path: string): Promise<Buffer | undefined> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() === true ? readFile(path) : undefined;
}

function compareFile(path: string, signed: Buffer, found: Buffer | undefined): LedgerProblem | undefined {
  if (found?.equals(signed) === true) return undefined;
  const what = found === undefined ? "is missing" : "was changed";
  if (!path.startsWith(`${RECORDS_FOLDER}/`)) {
    return { code: "ledger_tree_invalid", message: `${path} of the working copy ${what}` };
  }
  const lines = signed.toString("latin1").split("\n");
  const foundLines = found?.toString("latin1").split("\n") ?? [];
  const at = lines.findIndex((line, index) => line !== foundLines[index]);
  const index = Number(/([0-9]{12})\.jsonl$/.exec(path)?.[1] ?? 0) + Math.max(at, 0);
  const subject = subjectOfRecord(lines[Math.max(at, 0)] ?? "");
  const name = subject === undefined ? "" : ` (${subject})`;
  const message = `record ${index}${name}: ${path} of the working copy ${what}`;
  return { code: "ledger_record_invalid", index, message, ...(subject === undefined ? {} : { subject }) };
}

/** What a record says it is about; for messages only. */
export function subjectOfRecord(compact: string): string | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(compact.split(".")[1] ?? "", "base64url").toString("utf8"));
    const subject = typeof payload === "object" && payload !== null && "subject" in payload ? payload.subject : undefined;
    return typeof subject === "string" && subject.length <= 71 ? subject : undefined;
  } catch {
    return undefined;
  }
}
