// A door: a place where bytes of a stranger come in. What is accepted and what is refused is the door's business; how it refuses is ours.
import { TriplaneError } from "@triplane/contract";

export interface Door {
  /** Valid input to start from. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format that random bytes would not find. */
  readonly words?: readonly string[];
  /** Settles where the input is accepted; throws a `TriplaneError` where it is refused. Anything else is a defect. */
  enter(input: Uint8Array): unknown;
  /** Releases what the door holds. */
  close?(): PromiseLike<void>;
}

/** What one input came to: `accepted`, or the code of the refusal. */
export async function enter(door: Door, input: Uint8Array): Promise<string> {
  try {
    await door.enter(input);
    return "accepted";
  } catch (error) {
    // `internal` means that a foreign error was wrapped without anybody knowing what it is.
    if (error instanceof TriplaneError && error.code !== "internal") return error.code;
    throw error;
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** As a reader of text gets it: what is no UTF-8 becomes a replacement character. */
export function textOf(input: Uint8Array): string {
  return new TextDecoder().decode(input);
}
