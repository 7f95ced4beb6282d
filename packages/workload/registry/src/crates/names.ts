// Names and versions of crates: what cargo takes, where the sparse index has them, and under which name zot keeps them.
import { TriplaneError } from "@triplane/contract";

const MAX_NAME = 64;
// cargo's own rule, but for a separator at the end, which no OCI repository may have and nobody publishes.
const NAME = /^[A-Za-z](?:[A-Za-z0-9]|[-_](?=[A-Za-z0-9_-]))*$/;
/** Names that belong to Rust itself, or that Windows cannot have as a file. */
const RESERVED = new Set(
  "alloc core proc_macro std test con prn aux nul com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9".split(
    " ",
  ),
);
const MAX_VERSION = 100;
const NUMBER = "(?:0|[1-9]\\d{0,15})";
const PRE = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const VERSION = new RegExp(`^(${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRE}(?:\\.${PRE})*)?)(\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`);

export function isCrateName(name: string): boolean {
  return name.length <= MAX_NAME && NAME.test(name);
}

/** Throws `crate_invalid` for what may not be published under this name. */
export function assertNewCrateName(name: string): void {
  if (!isCrateName(name)) {
    throw new TriplaneError(
      "crate_invalid",
      `${JSON.stringify(name.slice(0, 80))} is no name of a crate: letters, digits, - and _, a letter first, no separator last, at most ${MAX_NAME}`,
    );
  }
  if (RESERVED.has(name.toLowerCase().replaceAll("-", "_"))) throw new TriplaneError("crate_invalid", `the name ${name} is reserved`);
}

export function isVersion(text: string): boolean {
  return text.length <= MAX_VERSION && VERSION.test(text);
}

/** A version without its build metadata: two versions that differ only there are the same to cargo. */
export function withoutBuild(version: string): string {
  return VERSION.exec(version)?.[1] ?? version;
}

/** The repository in zot. Names that cargo confuses (case, - and _) share one, so that only one of them can be taken. */
export function crateRepository(name: string): string {
  return `crates/${foldedName(name)}`;
}

/** The same for all names that cargo takes for one. */
export function foldedName(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** The tag of a version: no `+` is allowed there, and no version has a `_`. */
export function tagOfVersion(version: string): string {
  return version.replaceAll("+", "_");
}

/** The path of a crate in the sparse index (cargo's reference, "Index files"). */
export function indexPath(name: string): string {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower.slice(0, 1)}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}
