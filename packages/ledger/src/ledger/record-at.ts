// Finds a record by its index: the batch file with the greatest first index at or below it, and in that the line.
import type { ObjectId, ObjectReader } from "../git/index.ts";
import { decodeRecords, RECORDS_FOLDER } from "./layout.ts";

/** The compact record, or undefined where the ledger is shorter. */
export async function recordAt(objects: ObjectReader, tree: ObjectId, index: number): Promise<string | undefined> {
  const file = await batchFileOf(objects, tree, index);
  return file === undefined ? undefined : decodeRecords(await objects.blob(file.id))[index - file.firstIndex];
}

export interface BatchFile {
  readonly firstIndex: number;
  readonly id: ObjectId;
}

export async function batchFileOf(objects: ObjectReader, tree: ObjectId, index: number): Promise<BatchFile | undefined> {
  const wanted = String(index).padStart(12, "0");
  const root = await objects.entryAt(tree, RECORDS_FOLDER);
  if (root === undefined) return undefined;
  // A batch may reach over the end of its folder: then its file is the last one of the folder before.
  for (const upper of atOrBelow(await objects.tree(root.id), wanted.slice(0, 6))) {
    for (const lower of atOrBelow(await objects.tree(upper.id), upper.name === wanted.slice(0, 6) ? wanted.slice(6, 9) : "999")) {
      const [file] = atOrBelow(await objects.tree(lower.id), `${wanted}.jsonl`);
      if (file !== undefined) return { firstIndex: Number(file.name.slice(0, 12)), id: file.id };
    }
  }
  return undefined;
}

function atOrBelow<T extends { readonly name: string }>(entries: readonly T[], name: string): T[] {
  return entries.filter((entry) => entry.name <= name).reverse();
}
