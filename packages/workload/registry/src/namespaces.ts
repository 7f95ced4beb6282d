// The five namespaces of the registry, described once: zot's configuration, tokens, routes and the reference page follow from this.

/** How long what a namespace holds is kept. Hours. */
export interface Retention {
  /** A tag is kept where one of these rules names it; tags that none names go with the next collection. */
  readonly keepTags: readonly KeepTags[];
  /** What no tag names any more goes after this time. Longer than the longest build, because a push writes blobs before it tags them. */
  readonly untaggedHours: number;
}

/** All conditions of a rule count one by one: what meets any of them is kept. */
export interface KeepTags {
  /** Regular expressions over the whole tag. */
  readonly patterns: readonly string[];
  readonly mostRecentlyPushed?: number;
  readonly pulledWithinHours?: number;
  readonly pushedWithinHours?: number;
}

export interface Namespace {
  readonly name: NamespaceName;
  /** What clients speak there. */
  readonly protocol: "oci" | "webdav" | "cargo";
  /** Whether zot stores it; crates are kept as OCI artifacts that only the gateway may write. */
  readonly inZot: boolean;
  readonly holds: string;
  /** Only of what zot stores. */
  readonly retention?: Retention;
}

export const NAMESPACE_NAMES = ["images", "cache", "golden", "sccache", "crates"] as const;
export type NamespaceName = (typeof NAMESPACE_NAMES)[number];

const EVERY_TAG: readonly KeepTags[] = [{ patterns: [".*"] }];
/** The pool lets no lease live longer; twice that, so that a push at the very end is not collected. */
const LONGEST_BUILD_HOURS = 24;
const UNTAGGED_HOURS = 2 * LONGEST_BUILD_HOURS;
const TWO_WEEKS_HOURS = 14 * 24;

export const NAMESPACES: readonly Namespace[] = [
  {
    name: "images",
    protocol: "oci",
    inZot: true,
    holds: "what was built and runs",
    retention: { keepTags: EVERY_TAG, untaggedHours: UNTAGGED_HOURS },
  },
  {
    name: "cache",
    protocol: "oci",
    inZot: true,
    holds: "layers that the next build starts from",
    retention: {
      keepTags: [{ patterns: [".*"], mostRecentlyPushed: 5, pulledWithinHours: TWO_WEEKS_HOURS, pushedWithinHours: TWO_WEEKS_HOURS }],
      untaggedHours: UNTAGGED_HOURS,
    },
  },
  {
    name: "golden",
    protocol: "oci",
    inZot: true,
    holds: "lists of what the golden images of runners contain, as SPDX",
    retention: {
      keepTags: [{ patterns: ["current", "previous"] }, { patterns: [".*"], mostRecentlyPushed: 10 }],
      untaggedHours: UNTAGGED_HOURS,
    },
  },
  { name: "sccache", protocol: "webdav", inZot: false, holds: "compiled objects of Rust and C, by the hash of their input" },
  {
    name: "crates",
    protocol: "cargo",
    inZot: true,
    holds: "published crates, each version an OCI artifact",
    retention: { keepTags: EVERY_TAG, untaggedHours: UNTAGGED_HOURS },
  },
];

/** The namespaces that clients reach as OCI repositories. */
export const OCI_NAMESPACES: readonly NamespaceName[] = NAMESPACES.filter(({ protocol }) => protocol === "oci").map(({ name }) => name);
