// The roles of long-lived credentials, as data. A runner has no role: its token names the repositories of its build.
import { OCI_NAMESPACES } from "../namespaces.ts";
import type { Action, Grant } from "./access.ts";

const inNamespaces = (names: readonly string[], ...actions: Action[]): Grant[] =>
  names.map((name) => ({ type: "repository", prefix: `${name}/`, actions }));

export const ROLES = {
  /** A CI server: builds of any repository. It reaches no golden image, no crate and no object cache. */
  woodpecker: inNamespaces(["images", "cache"], "pull", "push"),
  /** What runs images: a cluster, a host. */
  deployer: inNamespaces(["images"], "pull"),
  /** The pipeline that makes golden images. */
  "golden-builder": inNamespaces(["golden"], "pull", "push"),
  /** The pool, which boots them. */
  pool: inNamespaces(["golden"], "pull"),
  /** Whoever publishes crates, and yanks them. */
  "crate-publisher": [{ type: "crates", prefix: "", actions: ["pull", "push"] }],
  /** A desk: uses crates, reads images, and fills the object cache of any repository. */
  developer: [
    ...inNamespaces(["images"], "pull"),
    { type: "crates", prefix: "", actions: ["pull"] },
    { type: "sccache", prefix: "", actions: ["pull", "push"] },
  ],
  /** Removes what nobody needs; writes nothing. */
  janitor: inNamespaces(OCI_NAMESPACES, "pull", "delete"),
} as const satisfies Readonly<Record<string, readonly Grant[]>>;

export type Role = keyof typeof ROLES;
export const ROLE_NAMES = Object.keys(ROLES) as readonly Role[];
