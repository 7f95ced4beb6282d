// Since when people could see an op in review: never earlier than it was, so that no wait is shortened (ADR-026).
import { type Digest, type ReviewItem, reviewItemSchema } from "@triplane/contract";
import type { Output, SequenceRecord } from "./records.ts";

/** A message on a review item's subject, as the broker stored it. */
interface StoredItem {
  readonly text: string | undefined;
  readonly storedAtMs: number;
}

/** When the first item about exactly this op was stored, in whole seconds, rounded up; undefined where there is none. */
export function firstShownS(messages: readonly StoredItem[], opDigest: Digest): number | undefined {
  const first = messages.find(({ text }) => itemOf(text)?.op_digest === opDigest);
  return first === undefined ? undefined : Math.ceil(first.storedAtMs / 1000);
}

/**
 * The fact that a decision rests on. The broker's time is not the writer's to choose, and an item that somebody wrote before the keeper took the op in
 * does not count: the keeper's own record says when that was. A broker's clock that is ahead makes people wait longer, never less.
 */
export function openSinceS(shownS: number, record: SequenceRecord | undefined, nowS: number): number {
  return Math.min(nowS, Math.max(shownS, takenAtS(record?.output) ?? 0));
}

function takenAtS(output: Output | undefined): number | undefined {
  return itemOf(output?.text)?.taken_at;
}

function itemOf(text: string | undefined): ReviewItem | undefined {
  try {
    const result = reviewItemSchema.safeParse(JSON.parse(text ?? ""));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
