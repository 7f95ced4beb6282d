// Reading a .ncl file of the provisioning root as what a schema says it is, by the nickel program where it computes.
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type ConformOptions, conform, type NickelDocument, problemsOf, readTrusted, withProblems } from "@triplane/nickel";

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

/** Throws a nickel failure where the file is no data, or the shape's own one with all problems and their places. */
export async function readShaped<T>(source: ShapedSource, shape: ConformOptions<T>): Promise<T> {
  return conform(await document(source), shape);
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
      const hint = `${refusal.hint} The nickel program cannot evaluate it, either: ${error.message}`;
      const failure = new TriplaneError(refusal.code, refusal.message, { cause: error, hint, details: refusal.details });
      throw withProblems(failure, problemsOf(refusal));
    });
  }
}
