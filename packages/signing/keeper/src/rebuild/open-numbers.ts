// Numbers of a bucket that was kept, opened again where the ops that had them are proven nowhere: the controller's database was lost, and the
// ledger does not have them yet. Sent again, such an op would be refused as a gap, and what it did would have no record. `every-command-lands`
//
// What the bucket still holds of them it holds for the next ops of the key only, and the op may be sent again after those: its output is
// put aside, so that it is given again however late that is.
import type { KeyValue } from "@triplane/bus";
import { type Did, TriplaneError } from "@triplane/contract";
import { opsOf, RECORD_KEYS, readRecord, type SequenceRecord, sequenceRecordSchema } from "../records.ts";
import { MAX_MISSING, PastDecisions } from "./past-decisions.ts";

export interface OpenOptions {
  readonly workspace: string;
  readonly bucket: KeyValue;
  /** Every admission and refusal that is in the ledger or on its way there, verified, in any order. */
  readonly decisions: AsyncIterable<string>;
}

/** Numbers that are open now, ascending, by key. */
export type OpenNumbers = readonly { readonly did: Did; readonly numbers: readonly number[] }[];

const KEY_OF_SIGNER = /^z[1-9A-HJ-NP-Za-km-z]+$/;

/** Adds to what is open already; a second call changes nothing. Throws `unavailable` where a keeper writes meanwhile. */
export async function openNumbers({ workspace, bucket, decisions }: OpenOptions): Promise<OpenNumbers> {
  const past = new PastDecisions(workspace);
  for await (const compact of decisions) past.take(compact);
  const keys = await bucket.keys();
  const opened: { readonly did: Did; readonly numbers: readonly number[] }[] = [];
  for (const key of keys.filter((each) => KEY_OF_SIGNER.test(each))) {
    const did = `did:key:${key}` as Did;
    const history = await bucket.history(key);
    const [newest] = history;
    if (newest === undefined) continue;
    const record = readRecord(key, newest.value, sequenceRecordSchema);
    const proven = past.numbersOf(did);
    const held = history.flatMap((entry) => opsOf(readRecord(key, entry.value, sequenceRecordSchema)));
    for (const each of held) if (!proven.has(each.seq)) await putAside(bucket, did, each);
    const numbers = openUpTo(record, proven);
    if (numbers.length === 0) continue;
    opened.push({ did, numbers });
    if (JSON.stringify(numbers) === JSON.stringify(record.missing)) continue;
    const written = await bucket.update(key, JSON.stringify({ ...record, missing: numbers }), newest.revision);
    if (written === undefined) throw new TriplaneError("unavailable", "somebody else writes to the sequence bucket");
  }
  return opened;
}

/** Undefined from the bucket means that it is there: from before a stop, or from an earlier loss. */
async function putAside(bucket: KeyValue, did: Did, { seq, op_digest, output }: SequenceRecord): Promise<void> {
  const aside: SequenceRecord = { seq, op_digest, output, uses: [] };
  await bucket.create(RECORD_KEYS.late(did, seq), JSON.stringify(aside));
}

/** Ascending; the highest ones where there are too many. Those that were open stay so: who took one late has it under a key of its own. */
function openUpTo({ seq: highest, missing = [] }: SequenceRecord, proven: ReadonlySet<number>): readonly number[] {
  const open = new Set(missing);
  for (let seq = highest; seq >= 1 && open.size < MAX_MISSING; seq -= 1) if (!proven.has(seq)) open.add(seq);
  return [...open].sort((a, b) => a - b);
}
