// What the review stream announces, held against what this tool verified itself: where they differ, nothing is signed (pitfall 26).
import { type Digest, reviewItemSchema, verifyOp } from "@triplane/contract";
import type { Decision } from "@triplane/policy";
import { type Deciding, openReview } from "../outputs.ts";
import type { ShownItem } from "./deps.ts";

/** Between taking an op in and showing it a moment passes; times that far apart are the same. */
const MOMENT_S = 2;

/** Digests of all ops that were ever shown under a jti, each once; items that hold no such op are left out. */
export function opsShown(messages: readonly { readonly text: string | undefined }[], jti: string): readonly Digest[] {
  const digests = messages.flatMap(({ text }) => {
    try {
      const op = verifyOp(reviewItemSchema.parse(JSON.parse(text ?? "")).op);
      return op.claims.jti === jti ? [op.token.digest] : [];
    } catch {
      return [];
    }
  });
  return [...new Set(digests)];
}

/** Every way in which the item says something else than the verified op, policy and time do; one sentence each. */
export function differences(read: ShownItem, decision: Decision, by: Pick<Deciding, "ref">): readonly string[] {
  const { item, op, digests } = read;
  const found: string[] = [];
  const others = digests.filter((digest) => digest !== op.token.digest);
  if (others.length > 0) found.push(`another op was shown under the same jti: ${others.join(", ")}`);
  if (item.state !== "open" || decision.verdict !== "review") return found;
  if (item.policy_commit !== by.ref.commit) {
    found.push(`the keeper asks under policy commit ${item.policy_commit}, and this tool verified ${by.ref.commit}`);
    return found;
  }
  const own = openReview(by, op, decision, item.taken_at);
  if (JSON.stringify(item.needs) !== JSON.stringify(own.needs)) found.push("the item asks for other people than the policy does");
  if (JSON.stringify(item.unopposed?.groups) !== JSON.stringify(own.unopposed?.groups))
    found.push("the item lets other people object than the policy does");
  const isOther = (said: number | undefined, is: number | undefined): boolean =>
    said === undefined || is === undefined ? said !== is : Math.abs(said - is) > MOMENT_S;
  if (isOther(item.unopposed?.runs_at, own.unopposed?.runs_at))
    found.push("the item says that it runs at another time than the policy does");
  return found;
}
