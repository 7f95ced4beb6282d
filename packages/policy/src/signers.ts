// Whose key is it: the only place where a key is looked up in a policy.
import type { Agent, Automation, Keeper, Operator, Policy } from "./schema.ts";

/** The holder of a key in a policy. */
export type Signer =
  | { readonly role: "operator"; readonly principal: string; readonly entry: Operator }
  /** An operator by a key that is kept for breaking the glass: it approves nothing and admits nothing else. */
  | { readonly role: "break_glass"; readonly principal: string; readonly entry: Operator }
  | { readonly role: "automation"; readonly principal: string; readonly entry: Automation }
  | { readonly role: "agent"; readonly principal: string; readonly entry: Agent }
  | { readonly role: "keeper"; readonly principal: string; readonly entry: Keeper };

/** Undefined where no list of the policy has the key. */
export function signerOf(policy: Policy, did: string): Signer | undefined {
  const has = (entry: { readonly keys: readonly string[] }): boolean => entry.keys.includes(did);
  const operator = policy.operators.find(has);
  if (operator !== undefined) return { role: "operator", principal: operator.principal, entry: operator };
  const sealed = policy.operators.find(({ break_glass_keys: keys }) => keys?.some((key) => key === did) === true);
  if (sealed !== undefined) return { role: "break_glass", principal: sealed.principal, entry: sealed };
  const automation = policy.automations.find(has);
  if (automation !== undefined) return { role: "automation", principal: automation.principal, entry: automation };
  const agent = policy.agents.find(has);
  if (agent !== undefined) return { role: "agent", principal: agent.principal, entry: agent };
  const keeper = policy.keepers.find(has);
  if (keeper !== undefined) return { role: "keeper", principal: keeper.name, entry: keeper };
  return undefined;
}

/** The person behind a signer: an agent's owner, otherwise the signer. Where approvals are counted, these are one. */
export function personOf(signer: Signer): string {
  return signer.role === "agent" ? signer.entry.owner : signer.principal;
}
