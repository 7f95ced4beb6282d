// Paths and texts of the ledger's files. A batch touches a bounded number of small folders, however long the ledger is.
import { type Digest, TriplaneError } from "@triplane/contract";
import type { IdentityDocument } from "../radicle/identity-doc.ts";

export const LEDGER_BRANCH = "main";
export const CHECKPOINT_PATH = "checkpoint";
export const RECORDS_FOLDER = "records";
/** Most records in one batch: 500 of 64 KiB each stay below the size of one object that readers accept. */
export const MAX_BATCH_RECORDS = 500;
/** C2SP entry bundles have 16-bit lengths. */
export const MAX_RECORD_BYTES = 65_535;

const STATE_SUFFIX = "-state";

/** The workspace whose ledger this is: the repository is named `<workspace>-state`. Throws `delegates_invalid` for another kind of repository. */
export function workspaceOfStateRepository(doc: IdentityDocument): string {
  if (!doc.name.endsWith(STATE_SUFFIX) || doc.name === STATE_SUFFIX)
    throw new TriplaneError("delegates_invalid", `${JSON.stringify(doc.name)} is not the name of a state repository`);
  return doc.name.slice(0, -STATE_SUFFIX.length);
}

/** File of the batch whose first record has this index. */
export function recordsPath(firstIndex: number): string {
  const name = String(firstIndex).padStart(12, "0");
  return `${RECORDS_FOLDER}/${name.slice(0, 6)}/${name.slice(6, 9)}/${name}.jsonl`;
}

/** The commit message of a batch; nothing in it is free. */
export function batchMessage(firstIndex: number, subjects: readonly string[], chainHead: Digest): string {
  const last = firstIndex + subjects.length - 1;
  const title = subjects.length === 1 ? `Record ${firstIndex}` : `Record ${firstIndex} to ${last}`;
  return [title, "", ...subjects.map((subject) => `Jti: ${subject}`), `Chain: ${chainHead}`, ""].join("\n");
}

export function encodeRecords(records: readonly string[]): string {
  return records.map((record) => `${record}\n`).join("");
}

/** Lines of a batch file. Throws `ledger_record_invalid` where the file is not lines. */
export function decodeRecords(content: Buffer): string[] {
  const lines = content.toString("latin1").split("\n");
  if (lines.pop() !== "" || lines.length === 0 || lines.length > MAX_BATCH_RECORDS)
    throw new TriplaneError("ledger_record_invalid", "a batch file is not 1 to 500 lines");
  return lines;
}
