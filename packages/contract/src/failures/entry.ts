// One row of the failure table and the class that carries its code.

/**
 * What a caller may do about a failure.
 * - `no`: the same input fails again; change the input.
 * - `later`: nothing is wrong with the input; try the same again.
 * - `resubmit`: sign and submit a new op (new `jti` or `seq`).
 */
export type Retry = "no" | "later" | "resubmit";

/** A row of the failure table. `what` and `hint` are the text of docs/errors.md. */
export interface FailureEntry {
  /** HTTP status with which a server answers. */
  readonly httpStatus: number;
  readonly retry: Retry;
  /** One sentence: what happened. */
  readonly what: string;
  /** One sentence: what to do about it. */
  readonly hint: string;
}

/** Keeps the literal keys of a part of the table while checking its rows. */
export function failureEntries<const T extends Record<string, FailureEntry>>(entries: T): T {
  return entries;
}
