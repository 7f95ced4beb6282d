// What the payloads of all signed objects share: field schemas, audience, time window.
import { z } from "zod";
import type { Json } from "../canonical-json.ts";
import { DIGEST_PATTERN, type Digest } from "../digest.ts";
import { type Did, isDid } from "../ed25519.ts";
import { TriplaneError } from "../failures/index.ts";
import type { ParsedToken } from "../jws.ts";
import { MAX_CLOCK_SKEW_S } from "../limits.ts";
import { assertWorkspace, JTI_PATTERN, TARGET_PATTERN } from "../names.ts";

export const didField = z
  .custom<Did>((value) => typeof value === "string" && isDid(value), "must be the did:key of an Ed25519 key")
  .meta({ pattern: "^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$" });
export const digestField = z
  .custom<Digest>((value) => typeof value === "string" && DIGEST_PATTERN.test(value), "must be sha256: and 64 hexadecimal digits")
  .meta({ pattern: DIGEST_PATTERN.source });
export const jtiField = z.string().regex(JTI_PATTERN, "must be a lower-case UUIDv7");
export const targetField = z.string().regex(TARGET_PATTERN, "must be a target name");
/** Seconds since 1970 (RFC 7519 NumericDate, whole seconds). */
export const secondsField = z.int().min(0).max(253_402_300_799);
/** Version of a target or revision of a workspace; 0 = it never existed. */
export const versionField = z.int().min(0);
/** A git commit id (SHA-1, as Radicle has it). */
export const commitField = z.string().regex(/^[0-9a-f]{40}$/, "must be a git commit id");
export const ridField = z.string().regex(/^rad:z[1-9A-HJ-NP-Za-km-z]{20,40}$/, "must be a Radicle repository id");
export const audienceField = z.string().max(128);
export const kindField = z.string().regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, "must be like component.deploy");
export const scopeField = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, "must be a scope's name");
export const jsonRecordField: z.ZodType<{ readonly [key: string]: Json }> = z.record(z.string(), z.json()) as never;
/** Compact bytes of an embedded signed object. */
export const compactField = z.string().regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/, "must be a compact JWS");
export const reasonField = z.string().max(1000);

/** A workspace together with the policy repository that governs it. */
export interface Audience {
  readonly workspace: string;
  readonly policyRid: string;
}

/** The `aud` of every signed object: `<workspace>/<RID of its policy repository>`. */
export function formatAudience(audience: Audience): string {
  return `${assertWorkspace(audience.workspace)}/${audience.policyRid}`;
}

/** Throws `workspace_mismatch` or `aud_mismatch`. */
export function assertAudience(aud: string, expected: Audience): void {
  const slash = aud.indexOf("/");
  const workspace = aud.slice(0, Math.max(slash, 0));
  if (workspace !== expected.workspace)
    throw new TriplaneError(
      "workspace_mismatch",
      `the object is for workspace ${JSON.stringify(workspace)}, this is ${expected.workspace}`,
    );
  if (aud !== formatAudience(expected))
    throw new TriplaneError("aud_mismatch", `the object is for ${JSON.stringify(aud)}, this is ${formatAudience(expected)}`);
}

export interface TimeRules {
  /** Seconds since 1970. */
  readonly nowS: number;
  /** At most 30 (MAX_CLOCK_SKEW_S). */
  readonly clockSkewS: number;
  readonly maxLifetimeS: number;
}

/** Throws `clock_skew`, `token_not_yet_valid`, `token_expired` or `lifetime_too_long`. `time-is-an-input`. */
export function assertTimes(
  claims: { readonly iat: number; readonly exp: number; readonly nbf?: number | undefined },
  rules: TimeRules,
): void {
  const skewS = Math.min(rules.clockSkewS, MAX_CLOCK_SKEW_S);
  if (claims.exp - claims.iat > rules.maxLifetimeS || claims.exp <= claims.iat) {
    throw new TriplaneError("lifetime_too_long", `the lifetime is ${claims.exp - claims.iat} s, allowed are 1 to ${rules.maxLifetimeS} s`);
  }
  if (claims.iat > rules.nowS + skewS)
    throw new TriplaneError("clock_skew", `issued ${claims.iat - rules.nowS} s in the future, allowed are ${skewS} s`);
  if (claims.nbf !== undefined && claims.nbf > rules.nowS + skewS)
    throw new TriplaneError("token_not_yet_valid", `valid in ${claims.nbf - rules.nowS} s`);
  if (claims.exp <= rules.nowS - skewS) throw new TriplaneError("token_expired", `expired ${rules.nowS - claims.exp} s ago`);
}

/** Applies a schema to a payload; throws `claims_invalid` naming every member that is wrong, `iss_mismatch` where iss is not the signer. */
export function readClaims<T>(token: ParsedToken, schema: z.ZodType<T>): T {
  const result = schema.safeParse(token.payload);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "payload"}: ${issue.message}`);
    throw new TriplaneError("claims_invalid", `${token.typ}: ${problems.join("; ")}`, { details: { problems } });
  }
  if (token.payload["iss"] !== token.kid)
    throw new TriplaneError("iss_mismatch", `iss is ${JSON.stringify(token.payload["iss"] ?? null)}, the signer ${token.kid}`);
  return result.data;
}
