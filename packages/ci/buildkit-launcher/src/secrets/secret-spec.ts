// Secrets of a build, as they are asked for: `id=npm,src=token.txt` or `id=npm,env=NPM_TOKEN`. Pure.
import { TriplaneError } from "@triplane/contract";

export interface SecretSpec {
  readonly id: string;
  readonly from: { readonly kind: "file"; readonly path: string } | { readonly kind: "variable"; readonly name: string };
}

/** BuildKit's own limit is no path separator; ours keeps the id out of every syntax that it passes through. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,199}$/;

/**
 * Reads secrets one after another from text between commas; each `id=` begins a new one. `id=NAME` alone is the variable of that name.
 *
 * Throws `config_invalid` for anything else, and for an id that comes twice. The text itself is not repeated: it may be a secret by mistake.
 */
export function parseSecrets(texts: readonly string[]): readonly SecretSpec[] {
  const secrets: { id: string; src?: string; env?: string }[] = [];
  for (const part of texts.flatMap((text) => text.split(",")).filter((text) => text.trim() !== "")) {
    const equals = part.indexOf("=");
    const [key, value] = [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    const last = secrets.at(-1);
    if (equals > 0 && key === "id") secrets.push({ id: value });
    else if (equals > 0 && last !== undefined && (key === "src" || key === "env") && last.src === undefined && last.env === undefined)
      last[key] = value;
    else if (equals > 0 && last !== undefined && key === "type" && (value === "file" || value === "env")) continue;
    else throw new TriplaneError("config_invalid", "a secret is given as id=NAME,src=FILE or id=NAME,env=VARIABLE");
  }
  const seen = new Set<string>();
  return secrets.map(({ id, src, env }): SecretSpec => {
    if (!ID.test(id)) throw new TriplaneError("config_invalid", "a secret's id has letters, digits, dots, hyphens and underscores only");
    if (seen.has(id)) throw new TriplaneError("config_invalid", `the secret ${id} is given twice`);
    seen.add(id);
    if (src !== undefined && src !== "") return { id, from: { kind: "file", path: src } };
    const name = env ?? id;
    if (!VARIABLE.test(name))
      throw new TriplaneError("config_invalid", `the secret ${id} names no file and no variable of the environment`);
    return { id, from: { kind: "variable", name } };
  });
}
