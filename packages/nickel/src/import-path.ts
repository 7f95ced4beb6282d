// Where an import leads: a path inside the root, or a refusal. Pure; symbolic links are the file reader's business.
import { failAt } from "./refusals.ts";
import type { Place } from "./source-position.ts";

/** `path` as written in the file `from`, relative to the root. Throws `nickel_import_refused` if it leaves the root. */
export function resolveImportPath(from: string, path: string, at: Place): string {
  const absolute = path.startsWith("/") || /^[A-Za-z]:/.test(path);
  if (absolute) throw failAt("nickel_import_refused", at, `${JSON.stringify(path.slice(0, 200))} is an absolute path`, { path });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a NUL would end the path for the operating system.
  if (/[\\\u0000]/.test(path)) throw failAt("nickel_import_refused", at, "the path holds a backslash or a NUL", { path });
  const segments = from.split("/").slice(0, -1);
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") segments.push(segment);
    else if (segments.pop() === undefined)
      throw failAt("nickel_import_refused", at, `${JSON.stringify(path.slice(0, 200))} leaves the root folder`, { path });
  }
  return segments.join("/");
}
