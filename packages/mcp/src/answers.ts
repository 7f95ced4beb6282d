// How results and failures read to a client: structured, and once more as text for clients that know no better.
import { type TriplaneError, toTriplaneError } from "@triplane/contract";

export interface ToolAnswer {
  readonly [key: string]: unknown;
  readonly content: { readonly type: "text"; readonly text: string }[];
  readonly structuredContent?: { [key: string]: unknown };
  readonly isError?: true;
}

/** Where clients find a failure as data: structured content is held against the tool's output schema, which a failure is not of. */
export const ERROR_META = "triplane/error";

export function answerWith(result: Readonly<Record<string, unknown>>): ToolAnswer {
  return { content: [{ type: "text", text: JSON.stringify(result, null, 2) }], structuredContent: { ...result } };
}

export function answerWithFailure(thrown: unknown): ToolAnswer {
  const error = failureOf(thrown);
  return { content: [{ type: "text", text: JSON.stringify({ error }, null, 2) }], _meta: { [ERROR_META]: error }, isError: true };
}

/** Code, message and hint, as everywhere; what is a defect says no more than that. */
export function failureOf(thrown: unknown): {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retry: string;
} {
  const { code, message, hint, retry } = toTriplaneError(thrown);
  return { code, message: code === "internal" ? "something failed that should not" : message, hint, retry };
}

/** A line for whoever runs the server. */
export function failureLine(what: string, thrown: unknown): string {
  const failure: TriplaneError = toTriplaneError(thrown);
  return `${what}: ${failure.code}: ${failure.message}`;
}
