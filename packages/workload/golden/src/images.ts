// What the flow of golden images wants of a provider beside runners: making images, labelling them, removing them.
import type { GoldenChange, Image, ServerLabels } from "@triplane/vm-pool";

/** The pool that builders and canaries belong to. It has no leases: whoever holds the lock of their builder sweeps them. */
export const GOLDEN_POOL = "golden";

export interface CandidateWish {
  /** Unique: part of names, and a label. */
  readonly version: string;
  /** Labels of the candidate. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who cleans up after a builder that is a server: its label `tenant`. */
  readonly builder: string;
  /** One line for people, while it works. */
  say(line: string): void;
}

export interface GoldenImages {
  /** Every golden image, whatever its role and platform. */
  list(signal: AbortSignal): Promise<readonly Image[]>;
  /** Makes one with these labels. Where the same content is there already and is current, that one, with its labels as they were and its age anew. */
  build(wish: CandidateWish, signal: AbortSignal): Promise<Image>;
  /** Replaces the labels of one image, and its protection. Idempotent. */
  change(change: GoldenChange, signal: AbortSignal): Promise<void>;
  /** One that is gone is done. Throws `provider_busy` while runners use it, `provider_failed` for one that is current or previous. */
  remove(image: Image, signal: AbortSignal): Promise<void>;
  /** Removes what a build that died left beside images and servers. Only under the lock of the builder. */
  tidy(signal: AbortSignal): Promise<void>;
}

const VERSION = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** Whether it can be part of a host name and of a label. */
export function isGoldenVersion(text: string): boolean {
  return VERSION.test(text);
}

/** Labels of a builder or a canary. */
export function goldenServerLabels(name: string, builder: string, expiresS: number): ServerLabels {
  return { "managed-by": "triplane", pool: GOLDEN_POOL, lease: name, tenant: builder, tier: "cx22", expires: String(expiresS) };
}
