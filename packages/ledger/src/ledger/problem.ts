// Problems of a ledger, made from what was thrown.
import { toTriplaneError } from "@triplane/contract";
import type { ObjectId } from "../git/index.ts";
import type { LedgerProblem } from "../types.ts";

const PROBLEM_CODES: ReadonlySet<string> = new Set<LedgerProblem["code"]>([
  "ledger_record_invalid",
  "ledger_chain_broken",
  "ledger_tree_invalid",
  "ledger_sequence_gap",
  "identity_invalid",
  "sigrefs_invalid",
  "delegates_invalid",
  "rid_mismatch",
  "git_failed",
]);

export interface ProblemPlace {
  readonly index?: number | undefined;
  readonly subject?: string | undefined;
  readonly commit?: ObjectId | undefined;
}

export function problemCode(thrown: unknown, fallback: LedgerProblem["code"]): LedgerProblem["code"] {
  const { code } = toTriplaneError(thrown, fallback);
  return PROBLEM_CODES.has(code) ? (code as LedgerProblem["code"]) : fallback;
}

/** Turns what was thrown into a problem at a place. */
export function problemOf(thrown: unknown, place: ProblemPlace | undefined, fallback: LedgerProblem["code"]): LedgerProblem {
  return problemAt(problemCode(thrown, fallback), toTriplaneError(thrown, fallback).message, place);
}

export function problemAt(code: LedgerProblem["code"], message: string, place: ProblemPlace | undefined): LedgerProblem {
  const where = place?.index === undefined ? "" : `record ${place.index}${place.subject === undefined ? "" : ` (${place.subject})`}: `;
  return {
    code,
    message: `${where}${message}`,
    ...(place?.index === undefined ? {} : { index: place.index }),
    ...(place?.subject === undefined ? {} : { subject: place.subject }),
    ...(place?.commit === undefined ? {} : { commit: place.commit }),
  };
}
