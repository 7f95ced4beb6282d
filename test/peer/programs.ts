// Radicle's programs for the tests named peer. Where they are missing a test says so loudly; with TRIPLANE_REQUIRE_ALL=1 it fails.
import { delimiter, dirname } from "node:path";
import type { TestContext } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";

export interface Programs {
  readonly rad: string;
  readonly node: string;
  /** Folders of all three programs, for PATH: rad starts git, git starts git-remote-rad. */
  readonly path: string;
}

/** The programs, or undefined and a test that is marked as skipped. */
export async function programs(context: TestContext): Promise<Programs | undefined> {
  try {
    const [rad, node, helper] = await Promise.all([findTool("rad"), findTool("radicle-node"), findTool("git-remote-rad")]);
    const folders = new Set([rad, node, helper].map(({ path }) => dirname(path)));
    return { rad: rad.path, node: node.path, path: [...folders].join(delimiter) };
  } catch (thrown) {
    if (!(thrown instanceof TriplaneError) || thrown.code !== "tool_missing" || process.env["TRIPLANE_REQUIRE_ALL"] === "1") throw thrown;
    context.skip(`RADICLE IS MISSING, agreement with it is not tested: ${thrown.message} (${thrown.hint})`);
    return undefined;
  }
}
