// Radicle's programs for the tests named peer. Where they are missing a test says so loudly; with TRIPLANE_REQUIRE_ALL=1 it fails.
import { delimiter, dirname } from "node:path";
import type { TestContext } from "node:test";
import { toolOrSkip } from "@triplane/testkit";

export interface Programs {
  readonly rad: string;
  readonly node: string;
  /** Folders of all three programs, for PATH: rad starts git, git starts git-remote-rad. */
  readonly path: string;
}

/** The programs, or undefined and a test that is marked as skipped. */
export async function programs(context: TestContext): Promise<Programs | undefined> {
  const untested = "agreement with Radicle";
  const [rad, node, helper] = [
    await toolOrSkip(context, "rad", untested),
    await toolOrSkip(context, "radicle-node", untested),
    await toolOrSkip(context, "git-remote-rad", untested),
  ];
  if (rad === undefined || node === undefined || helper === undefined) return undefined;
  const folders = new Set([rad, node, helper].map((path) => dirname(path)));
  return { rad, node, path: [...folders].join(delimiter) };
}
