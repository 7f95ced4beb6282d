// Where governing is done on one machine: which repositories, pinned how, with what memory and which remotes.
import type { RepositoryPin } from "@triplane/ledger";
import { repositoryDir } from "@triplane/ledger";

/** The repositories that operators govern by M of N. The third, the ledger, has one writer and no proposals. */
export const GOVERNED = ["policy", "desired"] as const;
export type GovernedName = (typeof GOVERNED)[number];
export type RepositoryName = GovernedName | "state";

export const BRANCH = "main";

/** Another place that holds the workspace's repositories, each in a folder named like its RID without `rad:`. */
export interface Remote {
  readonly name: string;
  /** A path, or a URL that git takes: file, https, ssh. */
  readonly url: string;
}

export interface Site {
  readonly workspace: string;
  /** Bare repositories in Radicle's layout. */
  readonly storageDir: string;
  readonly pins: Readonly<Record<RepositoryName, RepositoryPin>>;
  /** What was seen and accepted, so that nothing of it is taken back. */
  readonly memoryFile: string;
  /** Fewest delegates that a change may need: 2, or 1 in a workspace of a single operator, which was asked for by name. */
  readonly minThreshold: number;
  readonly remotes: readonly Remote[];
}

export function repoDirOf(site: Site, name: RepositoryName): string {
  return repositoryDir(site.storageDir, site.pins[name].rid);
}
