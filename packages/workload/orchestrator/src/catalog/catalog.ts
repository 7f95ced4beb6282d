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
}
