// What the threads of a verification are told, and what they answer.
import type { RepositoryPin } from "../types.ts";
import type { CheckedBatch, RecordCheck } from "./check-batch.ts";
import { decisionCheck } from "./decisions.ts";
import type { RecordRules } from "./verify-record.ts";

/** Where the policies are under which decisions were made. */
export interface DecisionSource {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  /** The approved head; only it and approved steps before it count. */
  readonly head: string;
  /** Least threshold of a document whose delegates approved a step. */
  readonly minThreshold: number;
}

export interface ThreadSetting {
  readonly decisions: DecisionSource | undefined;
}

export interface BatchJob {
  readonly id: number;
  readonly content: Uint8Array;
  readonly rules: RecordRules;
}

export type JobAnswer = { readonly id: number; readonly checked: CheckedBatch } | { readonly id: number; readonly defect: string };

export function prepareCheck(setting: ThreadSetting): RecordCheck | undefined {
  return setting.decisions === undefined ? undefined : decisionCheck(setting.decisions);
}
