// Long-lived credentials: each has a name, a role and a secret, of which the file holds the digest only.
//
// 1. A secret is compared by digest, in constant time, with every entry; which one matched does not show in the time.
import { createHash, timingSafeEqual } from "node:crypto";
import { type Random, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { type Principal, principalOfGrants } from "./access.ts";
import { ROLES, type Role } from "./roles.ts";

const credentialsFileSchema = z.strictObject({
  credentials: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be a name in lower case"),
        role: z.enum(Object.keys(ROLES) as [Role, ...Role[]]),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
      }),
    )
    .max(1000),
});

/** A new secret: 256 random bits that say what they are for. */
export function newSecret(random: Random): string {
  return `tpr_${Buffer.from(random.bytes(32)).toString("base64url")}`;
}

/** Text of the credentials file. */
export function renderCredentials(issued: readonly { readonly name: string; readonly role: Role; readonly secret: string }[]): string {
  const credentials = issued.map(({ name, role, secret }) => ({ name, role, sha256: digestOf(secret).toString("hex") }));
  return render(credentials);
}

/** The file's text with one credential more, in the place of one of the same name. Throws `config_invalid` where the text is no such file. */
export function withCredential(
  text: string | undefined,
  file: string,
  issued: { readonly name: string; readonly role: Role; readonly secret: string },
): string {
  const before = text === undefined ? [] : readFile(text, file).credentials;
  const entry = { name: issued.name, role: issued.role, sha256: digestOf(issued.secret).toString("hex") };
  return render([...before.filter(({ name }) => name !== issued.name), entry]);
}

/** The file's text without that credential; undefined where it has none of that name. Throws as `withCredential` does. */
export function withoutCredential(text: string, file: string, name: string): string | undefined {
  const { credentials } = readFile(text, file);
  const left = credentials.filter((each) => each.name !== name);
  return left.length === credentials.length ? undefined : render(left);
}

interface Entry {
  readonly digest: Buffer;
  readonly name: string;
  readonly principal: Principal;
}

export class Credentials {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Reads the text of a credentials file. Throws `config_invalid`. */
  static parse(text: string, file: string): Credentials {
    return new Credentials(
      readFile(text, file).credentials.map(({ name, role, sha256 }) => ({
        ...{ name, digest: Buffer.from(sha256, "hex") },
        principal: principalOfGrants(name, ROLES[role]),
      })),
    );
  }

  /** Who has this secret; `name` must be theirs where it is given. Throws `unauthorized`. */
  find(secret: string, name?: string): Principal {
    const digest = digestOf(secret);
    let found: Entry | undefined;
    for (const entry of this.#entries) if (timingSafeEqual(entry.digest, digest)) found = entry;
    if (found === undefined || (name !== undefined && name !== found.name))
      throw new TriplaneError("unauthorized", "the credential is not known");
    return found.principal;
  }
}

function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function render(credentials: z.input<typeof credentialsFileSchema>["credentials"]): string {
  return `${JSON.stringify(credentialsFileSchema.parse({ credentials }), null, 2)}\n`;
}

function readFile(text: string, file: string): z.output<typeof credentialsFileSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TriplaneError("config_invalid", `${file} is not JSON`, { cause });
  }
  const parsed = credentialsFileSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new TriplaneError("config_invalid", `${file}: ${problems.join("; ")}`, { details: { problems } });
  }
  return parsed.data;
}
