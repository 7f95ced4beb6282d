// Reading a .ncl file of the provisioning root as what a schema says it is, with every problem at its place.
import { join } from "node:path";
import { type FailureCode, TriplaneError } from "@triplane/contract";
import { type NickelDocument, readTrusted } from "@triplane/nickel";
import type { z } from "zod";
import { failWith, type Problem, placeProblems, problemsOfIssues } from "./problems.ts";
import { tagProblems } from "./tags.ts";

export interface ShapedSource {
  /** Folder that the file and all its imports lie in. */
  readonly root: string;
  /** Path from the root. */
  readonly file: string;
  /**
   * Absolute path of the nickel program: a file that computes is then evaluated, if nobody else can have written it (`readTrusted`).
   * Without it such a file is refused with the place of what computes.
   */
  readonly nickel?: string | undefined;
}

export interface Shape<S extends z.ZodType> {
  readonly schema: S;
  /** The failure that is thrown where the file has another shape. */
  readonly code: FailureCode;
  /** What the schema cannot say. Called only with what has its shape. */
  check?(value: z.output<S>): readonly Problem[];
}

/** Throws a nickel failure where the file is no data, or the shape's own one with all problems and their places. */
export async function readShaped<S extends z.ZodType>(source: ShapedSource, shape: Shape<S>): Promise<z.output<S>> {
  return shaped(await document(source), shape);
}

/** A document that was read, as what a schema says it is. Throws the shape's failure. */
export function shaped<S extends z.ZodType>(document: NickelDocument, shape: Shape<S>): z.output<S> {
  const result = shape.schema.safeParse(document.json);
  const form = [...tagProblems(shape.schema, document.value), ...(result.success ? [] : problemsOfIssues(result.error.issues))];
  const problems = result.success && form.length === 0 ? (shape.check?.(result.data) ?? []) : form;
  if (!result.success || problems.length > 0) throw failWith(shape.code, placeProblems(document, problems));
  return result.data;
}

async function document({ root, file, nickel }: ShapedSource): Promise<NickelDocument> {
  const path = join(root, file);
  try {
    return await readTrusted(path, { root, nickel: nickel === undefined ? undefined : { program: nickel } });
  } catch (error) {
    if (nickel === undefined || !(error instanceof TriplaneError) || error.code !== "nickel_program_failed") throw error;
    // What is left of a file that cannot be evaluated, either: the reader's refusal, which has a place.
    return await readTrusted(path, { root }).catch((refusal: unknown) => {
      if (!(refusal instanceof TriplaneError)) throw refusal;
      throw new TriplaneError(refusal.code, refusal.message, {
        cause: error,
        hint: `${refusal.hint} The nickel program cannot evaluate it, either: ${error.message}`,
        details: refusal.details,
      });
    });
  }
}
