// The states that an op left behind, as evidence: what a rebuild from the ledger alone needs (ADR-017).
//
// 1. A state is given whole or not at all: a reader needs no record before this one, no catalog and no repository.
// 2. Where all of it is too large, it is packed; where that is too large, too, digests say what a rebuild has to arrive at.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { canonicalJson, type Digest, digestField, digestOf, type Json, jsonRecordField, targetField } from "@triplane/contract";
import { z } from "zod";
import type { JsonRecord, TargetRecord } from "./model.ts";

const MAX_UNPACKED_BYTES = 4 * 1024 * 1024;

/** Forms of the same evidence, the most readable first, the smallest last. */
export function* changedForms(changed: readonly TargetRecord[]): Generator<JsonRecord> {
  const whole = changed.map(({ target, version, state }) => ({ target, version, state: state ?? null }));
  yield { changed: whole };
  yield { changed_packed: deflateRawSync(canonicalJson(whole), { level: 9 }).toString("base64url") };
  const digests = whole.map(({ target, version, state }) => ({ target, version, digest: stateDigest(state) }));
  yield { changed_digests: digests };
  // A digest takes 71 characters: of more targets than this, no list fits.
  const kept = digests.slice(0, 25);
  yield { changed_digests: kept, changed_left_out: digests.length - kept.length };
}

/** Of a target's state, null for a target that was removed. */
export function stateDigest(state: Json): Digest {
  return digestOf(canonicalJson(state));
}

const version = z.int().min(1);
const wholeSchema = z.array(z.strictObject({ target: targetField, version, state: jsonRecordField.nullable() }));
const digestsSchema = z.array(z.strictObject({ target: targetField, version, digest: digestField }));

export interface ChangedTargets {
  /** Exactly as they were. */
  readonly whole: readonly TargetRecord[];
  /** Known by version and digest only. */
  readonly digests: readonly { readonly target: string; readonly version: number; readonly digest: Digest }[];
  /** Whether every change is named, one way or the other. */
  readonly complete: boolean;
}

/** What evidence says about changes. Evidence that says nothing (older records, evidence that was left out) is incomplete. */
export function changedIn(evidence: JsonRecord): ChangedTargets {
  const whole = wholeSchema.safeParse(evidence["changed"] ?? unpacked(evidence["changed_packed"]));
  if (whole.success) {
    const records = whole.data.map(({ state, ...rest }): TargetRecord => ({ ...rest, state: state ?? undefined }));
    return { whole: records, digests: [], complete: true };
  }
  const digests = digestsSchema.safeParse(evidence["changed_digests"]);
  return { whole: [], digests: digests.data ?? [], complete: digests.success && evidence["changed_left_out"] === undefined };
}

function unpacked(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(inflateRawSync(Buffer.from(text, "base64url"), { maxOutputLength: MAX_UNPACKED_BYTES }).toString("utf8"));
  } catch {
    return undefined;
  }
}
