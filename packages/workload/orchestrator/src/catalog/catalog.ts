// The catalog as planning sees it: components by name.
import type { Digest } from "@triplane/contract";
import type { ComponentDefinition } from "./definition.ts";

export interface CatalogEntry {
  readonly definition: ComponentDefinition;
  /** Over every file of the component's folder, so that a changed program is a changed component. */
  readonly digest: Digest;
}

export interface Catalog {
  /** Undefined where there is no such component. Throws if there is one and it cannot be used. */
  find(name: string): Promise<CatalogEntry | undefined>;
  /** Whether the secrets folder has a file of this name. */
  hasSecret(name: string): Promise<boolean>;
}

/** A component as it was when it was planned, unpacked and unchangeable. */
export interface Release<D extends ComponentDefinition = ComponentDefinition> {
  readonly definition: D;
  readonly directory: string;
}

/** Throws `apply_failed` where there is no such release. */
export type Releases = (component: string, definition: Digest) => Promise<Release>;
