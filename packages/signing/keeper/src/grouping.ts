// Several ops of one key in one value of the sequence bucket (ADR-018): every one of them can still be repeated byte for byte.
import type { SequenceRecord } from "./records.ts";

/** Ops that are counted by one write. */
export interface Group<T> {
  readonly members: readonly T[];
  /** The value to write; its newest op is the last member's. */
  readonly value: string;
  readonly newest: SequenceRecord;
}

// Well below the server's max_payload of 128 KiB, of which one op alone, with an output of 40 KiB and 1000 uses, may need nearly all.
const MAX_BYTES = 48 * 1024;
const BYTES_A_USE = 90;

/** Splits the ops of a key, in their order, into as few writes as their size allows. */
export function group<T>(members: readonly T[], recordOf: (member: T) => SequenceRecord): readonly Group<T>[] {
  const groups: Group<T>[] = [];
  let open: { readonly member: T; readonly record: SequenceRecord; readonly bare: string }[] = [];
  let earlierBytes = 0;
  const close = (): void => {
    const newest = open.at(-1)?.record;
    if (newest === undefined) return;
    const earlier = open
      .slice(0, -1)
      .reverse()
      .map(({ bare }) => bare);
    const value = JSON.stringify(newest);
    groups.push({
      members: open.map(({ member }) => member),
      value: earlier.length === 0 ? value : `${value.slice(0, -1)},"earlier":[${earlier.join(",")}]}`,
      newest,
    });
    open = [];
    earlierBytes = 0;
  };
  for (const member of members) {
    const record = recordOf(member);
    const { seq, op_digest, output } = record;
    const bare = JSON.stringify({ seq, op_digest, output });
    earlierBytes += open.at(-1)?.bare.length ?? 0;
    if (open.length > 0 && earlierBytes + bare.length + record.uses.length * BYTES_A_USE > MAX_BYTES) close();
    open.push({ member, record, bare });
  }
  close();
  return groups;
}
