// Why a build plane cannot run on this machine, in words that say what is missing.
import { TriplaneError } from "@triplane/contract";
import { searchTool, type ToolName, toolNamed } from "@triplane/kit";
import { clientNeeds, goldenNeeds, runnerNeeds } from "@triplane/provider-local";

const TOOLS: readonly ToolName[] = ["versitygw", "oras"];

/** The registry behind the gateway: zot, or distribution where there is no zot. */
export async function registryBackend(): Promise<"zot" | "distribution" | undefined> {
  for (const name of ["zot", "distribution"] as const) if ((await searchTool(toolNamed(name))).found !== undefined) return name;
  return undefined;
}

/** Nothing when a plane can run here. */
export async function planeNeeds(): Promise<readonly string[]> {
  const needs = [...(await runnerNeeds()), ...(await clientNeeds()), ...(await goldenNeeds())];
  for (const name of TOOLS) if ((await searchTool(toolNamed(name))).found === undefined) needs.push(`${name} (npm run tools ${name})`);
  if ((await registryBackend()) === undefined) needs.push("zot or distribution (npm run tools distribution)");
  return [...new Set(needs)];
}

/** What a test says when it is skipped; undefined where a plane can run. */
export async function whyNoPlane(): Promise<string | undefined> {
  const needs = await planeNeeds();
  return needs.length === 0 ? undefined : `BUILDS ON REAL RUNNERS ARE NOT TESTED, on this machine they need ${needs.join(", ")}`;
}

/** Throws `tool_missing` naming all that is missing. */
export async function assertPlaneNeeds(): Promise<void> {
  const needs = await planeNeeds();
  if (needs.length === 0) return;
  throw new TriplaneError("tool_missing", `builds on this machine need ${needs.join(", ")}`, {
    hint: "Provide what is missing; docs/how-to/run-builds-on-this-machine.md says what each is for.",
  });
}
