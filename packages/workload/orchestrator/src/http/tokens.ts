// Callers' tokens: every caller has its own, with its own scopes. The file holds digests only.
//
// 1. A token is compared by digest, in constant time, with every entry; which one matched does not show in the time.
import { createHash, timingSafeEqual } from "node:crypto";
import { type Random, TriplaneError } from "@triplane/contract";
import { z } from "zod";

export const TOKEN_SCOPES = ["state:read", "plan", "apply", "vm-pool:read", "vm-pool:spawn"] as const;
export type TokenScope = (typeof TOKEN_SCOPES)[number];

const tokensFileSchema = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        caller: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
        scopes: z.array(z.enum(TOKEN_SCOPES)).min(1),
      }),
    )
    .max(1000),
});

export interface Caller {
  readonly caller: string;
  readonly scopes: readonly TokenScope[];
}

export interface IssuedToken extends Caller {
  readonly token: string;
}

/** A new token: 256 random bits that say what they are for. */
export function newToken(random: Random): string {
  return `tpo_${Buffer.from(random.bytes(32)).toString("base64url")}`;
}

/** Text of the tokens file. */
export function renderTokensFile(issued: readonly IssuedToken[]): string {
  const tokens = issued.map(({ caller, scopes, token }) => ({ caller, sha256: sha256(token).toString("hex"), scopes }));
  return `${JSON.stringify(tokensFileSchema.parse({ tokens }), null, 2)}\n`;
}

/** The file's text with one caller more, in the place of one of the same name. Throws `config_invalid`. */
export function withToken(text: string | undefined, file: string, issued: IssuedToken): string {
  const before = text === undefined ? [] : readTokens(text, file).filter(({ caller }) => caller !== issued.caller);
  const entry = { caller: issued.caller, sha256: sha256(issued.token).toString("hex"), scopes: issued.scopes };
  return `${JSON.stringify(tokensFileSchema.parse({ tokens: [...before, entry] }), null, 2)}\n`;
}

/** The file's text without a caller. Throws `config_invalid`. */
export function withoutToken(text: string, file: string, name: string): string {
  return `${JSON.stringify(tokensFileSchema.parse({ tokens: readTokens(text, file).filter(({ caller }) => caller !== name) }), null, 2)}\n`;
}

function readTokens(text: string, file: string): z.output<typeof tokensFileSchema>["tokens"] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TriplaneError("config_invalid", `${file} is not JSON`, { cause });
  }
  const parsed = tokensFileSchema.safeParse(json);
  if (parsed.success) return parsed.data.tokens;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new TriplaneError("config_invalid", `${file}: ${problems.join("; ")}`, { details: { problems } });
}

interface Entry {
  readonly digest: Buffer;
  readonly caller: Caller;
}

export class Tokens {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Reads the text of a tokens file. Throws `config_invalid`. */
  static parse(text: string, file: string): Tokens {
    return new Tokens(
      readTokens(text, file).map(({ sha256: hex, caller, scopes }) => ({ digest: Buffer.from(hex, "hex"), caller: { caller, scopes } })),
    );
  }

  /** Who sends this Authorization header. Throws `unauthorized`, or `forbidden` without the scope. */
  authorize(header: string | undefined, scope: TokenScope): Caller {
    const token = /^Bearer ([A-Za-z0-9._~+/-]{1,512}=*)$/i.exec(header ?? "")?.[1];
    if (token === undefined) throw new TriplaneError("unauthorized", "a bearer token is needed");
    const digest = sha256(token);
    let found: Caller | undefined;
    for (const entry of this.#entries) if (timingSafeEqual(entry.digest, digest)) found = entry.caller;
    if (found === undefined) throw new TriplaneError("unauthorized", "the token is not known");
    if (!found.scopes.includes(scope)) throw new TriplaneError("forbidden", `${found.caller} does not have the scope ${scope}`);
    return found;
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
