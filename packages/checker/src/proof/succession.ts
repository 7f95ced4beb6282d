// A succession: the token by which one key hands the ledger to the next, with both signatures, as docs/reference/ledger-format.md has it.
import { canonicalJson } from "@triplane/contract";
import { isSignedBy } from "./ed25519.ts";
import { type ClaimsOf, openToken } from "./jws.ts";

/** A key's time as the one that writes the ledger. */
export interface Tenure {
  readonly controller: string;
  /** Index of its first record. */
  readonly from: number;
}

/** Throws where its form or one of the two signatures is wrong. */
export function openSuccession(compact: string): ClaimsOf<"succession+jwt"> {
  const { claims } = openToken(compact, "succession+jwt");
  const { accepted, ...said } = claims;
  const bytes = Buffer.from(`triplane-succession-v1\n${canonicalJson(said)}`, "utf8");
  if (!isSignedBy(claims.to, bytes, Buffer.from(accepted, "base64url"))) throw new Error(`${claims.to} did not take the ledger over`);
  return claims;
}

/** Whose key signs the record at this index; undefined for a ledger that was not read. */
export function controllerAt(tenures: readonly Tenure[], index: number): string | undefined {
  return tenures.findLast(({ from }) => from <= index)?.controller;
}
