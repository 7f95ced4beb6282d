// Reading a review item off the stream: it is unsigned, so only the op inside is believed, after its signature.
import { type Op, type ReviewItem, reviewItemSchema, TriplaneError, verifyOp } from "@triplane/contract";

export interface ReadItem {
  readonly item: ReviewItem;
  readonly op: Op;
}

/** Throws `chain_broken` for an item that does not hold the op that it names. */
export function readReviewItem(text: string | undefined, jti: string): ReadItem {
  try {
    const item = reviewItemSchema.parse(JSON.parse(text ?? ""));
    const op = verifyOp(item.op);
    if (op.claims.jti !== jti || item.op_jti !== jti || item.op_digest !== op.token.digest) {
      throw new TriplaneError("claims_invalid", "the item names another op than it holds");
    }
    return { item, op };
  } catch (cause) {
    throw new TriplaneError("chain_broken", `the review item of ${jti} does not verify`, { cause });
  }
}
