// What lets somebody reach a running workspace: identities on the bus, a token of the orchestrator, a place among its people.
//
// 1. Access follows the policy: nobody gets any whom the policy in force does not list, and whom it lists keeps theirs.
// 2. Who has no access can still sign; what they sign is refused, because the policy does not list their key.
import { rm } from "node:fs/promises";
import { type Identity, identityName } from "@triplane/bus";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere } from "@triplane/kit";
import { newToken, type TokenScope, withoutToken, withToken } from "@triplane/orchestrator";
import type { Policy } from "@triplane/policy";
import { changeIdentities, identitiesOf } from "../home/bus-identities.ts";
import type { HomeLayout } from "../home/layout.ts";
import { type WorkspaceFile, writeWorkspaceFile } from "../home/workspace-file.ts";
import type { Surroundings } from "./connect.ts";
import { policyInForce } from "./policy.ts";

const LISTS = ["operators", "automations", "agents"] as const;
type List = (typeof LISTS)[number];

const TOKEN_SCOPES: readonly TokenScope[] = ["state:read", "plan"];

export interface AccessRow {
  readonly principal: string;
  /** Where the policy in force lists them; absent where it does not. */
  readonly listed?: List;
  readonly groups: readonly string[];
  readonly may: readonly string[];
  readonly keys: readonly string[];
  /** Names of their identities on the bus. */
  readonly identities: readonly string[];
  readonly token: boolean;
}

export interface AccessChange {
  readonly principal: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Whether a running server was told and then tried. */
  readonly tried: boolean;
}

/** Everybody whom the policy lists, and everybody who has access without it. */
export async function accessRows(layout: HomeLayout, workspace: WorkspaceFile): Promise<readonly AccessRow[]> {
  const { policy } = await policyInForce(layout, workspace);
  const identities = await identitiesOf(layout);
  const people = LISTS.flatMap((list) => workspace.people[list]);
  const listed = LISTS.flatMap((list) => policy[list].map(({ principal }) => principal));
  return await Promise.all(
    [...new Set([...listed, ...people])].map(async (principal) => {
      const list = listOf(policy, principal);
      const entry = list === undefined ? undefined : policy[list].find((each) => each.principal === principal);
      const operator = list === "operators" ? policy.operators.find((each) => each.principal === principal) : undefined;
      const own = ["operator", "approver", "break-glass"].map((role) => `${role}-${principal}`);
      return {
        principal,
        ...(list === undefined ? {} : { listed: list }),
        groups: operator?.groups ?? [],
        may: operator?.may ?? [],
        keys: entry?.keys ?? [],
        identities: identities.filter((name) => own.includes(name)),
        token: (await readFileIfThere(layout.tokenFile(principal))) !== undefined,
      };
    }),
  );
}

/** New credentials for somebody whom the policy lists; those that they had count no longer. Throws `access_unapproved`. */
export async function grantAccess(
  layout: HomeLayout,
  workspace: WorkspaceFile,
  principal: string,
  around: Surroundings,
): Promise<AccessChange> {
  const { policy } = await policyInForce(layout, workspace);
  const list = listOf(policy, principal);
  if (list === undefined)
    throw new TriplaneError("access_unapproved", `the policy in force lists nobody called ${principal}`, {
      hint: "M of N operators approve a policy that does (`triplane policy amend`, `triplane governance propose`); then this gives access.",
    });
  const identities = identitiesFor(list, principal);
  const others = identitiesFor(list === "operators" ? "agents" : "operators", principal);
  const changed = await changeIdentities(layout, workspace, { add: identities, remove: others }, around);
  const token = newToken(around.random);
  await atomicWriteFile(layout.tokenFile(principal), `${token}\n`);
  const before = await readFileIfThere(layout.tokensFile);
  await atomicWriteFile(layout.tokensFile, withToken(before, layout.tokensFile, { caller: principal, scopes: [...TOKEN_SCOPES], token }));
  await writePeople(layout, workspace, principal, list);
  return { principal, added: changed.added, removed: [], tried: changed.tried };
}

/** Takes all access away. Throws `access_unapproved` while the policy lists them, unless it is to happen before the policy. */
export async function revokeAccess(
  layout: HomeLayout,
  workspace: WorkspaceFile,
  principal: string,
  around: Surroundings,
  options: { readonly beforePolicy: boolean },
): Promise<AccessChange> {
  const { policy } = await policyInForce(layout, workspace);
  const known = listOf(policy, principal) !== undefined;
  if (known && !options.beforePolicy)
    throw new TriplaneError("access_unapproved", `the policy in force still lists ${principal}`, {
      hint: "First a policy without them is approved. Where that takes too long: --before-policy.",
    });
  const had = new Set(await identitiesOf(layout));
  const own = [...identitiesFor("operators", principal), ...identitiesFor("agents", principal)];
  const remove = own.filter((identity) => had.has(identityName(identity)));
  const changed = await changeIdentities(layout, workspace, { add: [], remove }, around);
  await rm(layout.tokenFile(principal), { force: true });
  const before = await readFileIfThere(layout.tokensFile);
  if (before !== undefined) await atomicWriteFile(layout.tokensFile, withoutToken(before, layout.tokensFile, principal));
  await writePeople(layout, workspace, principal, undefined);
  return { principal, added: [], removed: changed.removed, tried: changed.tried };
}

function listOf(policy: Policy, principal: string): List | undefined {
  return LISTS.find((list) => policy[list].some((entry) => entry.principal === principal));
}

function identitiesFor(list: List, principal: string): readonly Identity[] {
  if (list !== "operators") return [{ role: "operator", principal }];
  return [
    { role: "approver", principal },
    { role: "break-glass", principal },
  ];
}

async function writePeople(layout: HomeLayout, workspace: WorkspaceFile, principal: string, list: List | undefined): Promise<void> {
  const { people } = workspace;
  const named = (each: List): string[] =>
    each === list
      ? people[each].includes(principal)
        ? people[each]
        : [...people[each], principal]
      : people[each].filter((name) => name !== principal);
  const changed = { operators: named("operators"), automations: named("automations"), agents: named("agents") };
  await writeWorkspaceFile(layout, { ...workspace, people: changed });
}
