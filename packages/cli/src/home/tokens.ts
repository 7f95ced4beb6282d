// Tokens for the orchestrator's API: one per caller, each with the least that its work needs.
import type { Random } from "@triplane/contract";
import { atomicWriteFile, ensurePrivateFolder } from "@triplane/kit";
import type { IssuedToken } from "@triplane/orchestrator";
import type { HomeLayout } from "./layout.ts";

/** The controller applies; nobody else may. */
export const CONTROLLER_CALLER = "ops-controller";

export interface TokenPlan {
  /** Operators, agents and automations: they look and they plan. */
  readonly people: readonly string[];
  readonly random: Random;
}

/** Writes tokens/<caller> for each caller, and the digests that the orchestrator compares with. */
export async function issueTokens(layout: HomeLayout, plan: TokenPlan): Promise<void> {
  // Loaded when tokens are issued: every supervisor imports this file for a name.
  const { newToken, renderTokensFile } = await import("@triplane/orchestrator");
  const issue = (caller: string, scopes: IssuedToken["scopes"]): IssuedToken => ({ caller, scopes, token: newToken(plan.random) });
  const issued = [issue(CONTROLLER_CALLER, ["state:read", "apply"]), ...plan.people.map((name) => issue(name, ["state:read", "plan"]))];
  await ensurePrivateFolder(layout.tokens);
  for (const { caller, token } of issued) await atomicWriteFile(layout.tokenFile(caller), `${token}\n`);
  await ensurePrivateFolder(layout.orchestrator);
  await atomicWriteFile(layout.tokensFile, renderTokensFile(issued));
}
