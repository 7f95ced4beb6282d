// External programs of tests: the path, or a test that is skipped and says so loudly; with TRIPLANE_REQUIRE_ALL=1 it fails instead.
import type { TestContext } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { findTool, type ToolName } from "@triplane/kit";

/**
 * `untested`: what nobody tests without it, like `agreement with it`.
 * `isRare`: it cannot be had everywhere, so that its tests are skipped even where everything is required.
 */
export async function toolOrSkip(
  context: TestContext,
  name: ToolName,
  untested = "agreement with it",
  { isRare = false }: { readonly isRare?: boolean } = {},
): Promise<string | undefined> {
  try {
    return (await findTool(name)).path;
  } catch (thrown) {
    const isRequired = process.env["TRIPLANE_REQUIRE_ALL"] === "1" && !isRare;
    if (!(thrown instanceof TriplaneError) || thrown.code !== "tool_missing" || isRequired) throw thrown;
    context.skip(`${name.toUpperCase()} IS MISSING, ${untested} is not tested: ${thrown.message} (${thrown.hint})`);
    return undefined;
  }
}
