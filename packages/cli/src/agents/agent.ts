// An agent of a local workspace: its own key, outbox and credentials, and nobody else's.
//
// 1. Only a principal that the home lists as an agent, and whose key the approved policy gives no other role, is opened.
import type { Clock, Random } from "@triplane/contract";
import { nowSeconds, TriplaneError } from "@triplane/contract";
import type { Grant } from "@triplane/mcp";
import { grantedScopes, signerOf } from "@triplane/policy";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";
import { type Person, personAt } from "../people/person.ts";
import { policyInForce } from "../people/policy.ts";
import type { Surroundings } from "../people/signer.ts";
import { actorFor } from "../people/who.ts";

export interface AgentPlace {
  readonly layout: HomeLayout;
  readonly workspace: WorkspaceFile;
  readonly clock: Clock;
  readonly random: Random;
}

/** Without a name, the workspace's only agent. Throws `not_an_agent`, `key_unknown`, and what opening the key throws. */
export async function openAgent(name: string | undefined, place: AgentPlace, around: Surroundings): Promise<Person> {
  const { layout, workspace, clock, random } = place;
  const { agents } = workspace.people;
  const [only] = agents.length === 1 ? agents : [];
  const principal = name ?? only;
  if (principal === undefined || !agents.includes(principal))
    throw new TriplaneError(
      "not_an_agent",
      `${principal === undefined ? "no agent was named" : `${principal} is no agent`} of ${workspace.workspace}`,
      {
        hint: agents.length === 0 ? "The workspace has no agents." : `Its agents are ${agents.join(", ")}: --as ${agents[0]}.`,
      },
    );
  // TRIPLANE_KEY names a person's key where people work: it is not looked at here.
  const { TRIPLANE_KEY: _, ...env } = around.env;
  const person = personAt(await actorFor({ as: principal }, { env }, layout, workspace), layout, workspace, { clock, random });
  const signer = signerOf((await policyInForce(layout, workspace)).policy, person.key.did);
  if (signer !== undefined && signer.role !== "agent")
    throw new TriplaneError(
      "not_an_agent",
      `the key of ${principal} is that of ${signer.principal}, ${signer.role}, in the approved policy`,
      {
        hint: "An agent needs a key of its own.",
      },
    );
  return person;
}

/** The grant as the approved policy has it now. */
export async function grantOf({ layout, workspace, principal, key, clock }: Person): Promise<Grant> {
  const { policy, ref } = await policyInForce(layout, workspace);
  const signer = signerOf(policy, key.did);
  const base = { workspace: workspace.workspace, agent: principal, policyCommit: ref.commit };
  if (signer?.role !== "agent") return { ...base, scopes: [], expired: false };
  const { owner, budget, expires } = signer.entry;
  return {
    ...base,
    owner,
    scopes: grantedScopes(policy, signer).map(({ name, kinds, targets }) => ({ name, kinds, targets })),
    budget: { ops: budget.ops, windowS: budget.window_s },
    ...(expires === undefined ? {} : { expires }),
    expired: expires !== undefined && nowSeconds(clock) >= Date.parse(expires) / 1000,
  };
}
