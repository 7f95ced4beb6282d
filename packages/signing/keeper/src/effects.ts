// What the keeper's pure core asks for; the runner performs a list from first to last and stops at the first that fails.
import type { FailureCode } from "@triplane/contract";
import type { SequenceRecord } from "./records.ts";

export type Effect =
  /** Compare-and-set in the sequence bucket; `expect` undefined means the key must not exist. Lost: read again, decide again. */
  | { readonly do: "record"; readonly key: string; readonly value: string; readonly expect: number | undefined }
  /**
   * Count an op of a key, as `record` does; ops of one key that follow one another may be counted by one write. `expect` is the
   * revision of the record that the first of them was decided on.
   */
  | { readonly do: "count"; readonly key: string; readonly record: SequenceRecord; readonly expect: number | undefined }
  /** Publish and wait for the broker's confirmation. */
  | { readonly do: "publish"; readonly subject: string; readonly text: string }
  /** Tell the submitter; a convenience, so failure is only logged. */
  | { readonly do: "answer"; readonly subject: string; readonly text: string }
  /** Tell people; failure is only logged. Alarms with the same `throttle` are rate-limited. */
  | {
      readonly do: "alarm";
      readonly code: FailureCode;
      readonly message: string;
      readonly subject?: string;
      readonly throttle?: string;
    }
  /** Take the input off its stream and wait for the confirmation. Always last. */
  | { readonly do: "ack" };
