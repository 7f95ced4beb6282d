// Addresses below /sccache/: `<repository>/<a>/<b>/<c>/<abc…>`, as sccache writes them. A path that is none of these names nothing.
import { isRepositoryName } from "../tokens/access.ts";

/** sccache writes and reads this one when it starts, to learn whether it may. */
const PROBE = ".sccache_check";
/** Keys are hashes in hexadecimal: BLAKE3 today. */
const KEY = /^([0-9a-f])\/([0-9a-f])\/([0-9a-f])\/([0-9a-f]{40,128})$/;
const FOLDER = /^[a-z0-9._-]{1,128}(?:\/[a-z0-9._-]{1,128})*$/;

export type SccacheAddress =
  | { readonly kind: "object"; readonly repository: string; readonly key: string }
  | { readonly kind: "folder" }
  | { readonly kind: "unknown" };

/** Reads what follows /sccache/ in a path; as it came, not decoded. */
export function readSccacheAddress(rest: string): SccacheAddress {
  if (rest.endsWith(`/${PROBE}`)) return object(rest.slice(0, -PROBE.length - 1), "probe");
  const segments = rest.split("/");
  const tail = segments.slice(-4).join("/");
  const match = KEY.exec(tail);
  if (match !== null && segments.length > 4) {
    const key = match[4] ?? "";
    if (!key.startsWith(`${match[1]}${match[2]}${match[3]}`)) return { kind: "unknown" };
    return object(segments.slice(0, -4).join("/"), key);
  }
  const folder = rest.replace(/\/$/, "");
  const isFolder = folder === "" || (FOLDER.test(folder) && !folder.split("/").some((segment) => segment === "." || segment === ".."));
  return isFolder ? { kind: "folder" } : { kind: "unknown" };
}

function object(repository: string, key: string): SccacheAddress {
  return isRepositoryName(repository) ? { kind: "object", repository, key } : { kind: "unknown" };
}
