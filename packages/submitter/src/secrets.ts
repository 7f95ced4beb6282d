// What must not be signed into an op: arguments and reasons end in a ledger that is replicated and never forgets.
//
// Only shapes that are a credential beyond doubt, so that nobody learns to work around this. A password of plain letters is not found;
// that is what settings of the type Secret are for.
import { type Json, TriplaneError } from "@triplane/contract";

const SHAPES: readonly (readonly [string, RegExp])[] = [
  ["a private key", /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/],
  ["an age key", /\bAGE-SECRET-KEY-1[0-9A-Z]{20,}/],
  ["a NATS seed", /\bS[UAOCN][A-Z2-7]{56}\b/],
  ["a token of the orchestrator", /\btpo_[A-Za-z0-9_-]{43}\b/],
  ["a credential of the registry", /\btpr_[A-Za-z0-9_-]{43}\b/],
  ["an AWS access key", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})/],
  ["a GitLab token", /\bglpat-[A-Za-z0-9_-]{20,}/],
  ["a Slack token", /\bxox[abprs]-[A-Za-z0-9-]{10,}/],
  ["a Stripe key", /\b[rs]k_live_[A-Za-z0-9]{20,}/],
  ["a JSON web token", /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/],
  ["a password in a URL", /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s/@]+@/i],
];

/** Throws `secret_in_op` where a text anywhere in `value` holds a credential; it names the place and never the text. */
export function assertNoSecrets(value: Json | undefined, place: string): void {
  if (typeof value === "string") {
    const found = SHAPES.find(([, shape]) => shape.test(value));
    if (found !== undefined) throw new TriplaneError("secret_in_op", `${place} holds ${found[0]}`, { details: { place, shape: found[0] } });
  } else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      assertNoSecrets(name, `a name in ${place}`);
      assertNoSecrets(inner as Json, `${place}.${name}`);
    }
  }
}
