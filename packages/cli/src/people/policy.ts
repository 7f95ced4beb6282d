// The policy in force as this home's own clone of the policy repository proves it.
import { type Did, type OpClaims, type PolicyRef, TriplaneError } from "@triplane/contract";
import { type PolicySource, policyRepository } from "@triplane/keeper";
import { DesiredReader, type RepositoryPin, repositoryDir } from "@triplane/ledger";
import { grantedScopes, type LoadedPolicy, matchesAny, signerOf } from "@triplane/policy";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";

/** Fewest operators whose signatures make a policy: what `triplane init` sets up. */
export const POLICY_MIN_THRESHOLD = 2;

export function policySource(layout: HomeLayout, workspace: WorkspaceFile): PolicySource {
  const { policy } = workspace.pins;
  return policyRepository(repositoryDir(layout.storage, policy.rid), policy, POLICY_MIN_THRESHOLD);
}

/** Where the desired state stands, as orchestrator and desired-sync count it. */
export function desiredReader(layout: HomeLayout, workspace: WorkspaceFile): DesiredReader {
  const place = (pin: RepositoryPin) => ({ directory: repositoryDir(layout.storage, pin.rid), pin });
  const { desired, policy } = workspace.pins;
  return new DesiredReader({ desired: place(desired), policy: place(policy), minThreshold: POLICY_MIN_THRESHOLD });
}

export interface PolicyInForce extends LoadedPolicy {
  readonly ref: PolicyRef;
}

/** Throws `quorum_not_reached` and whatever an unsound repository or policy raises. */
export async function policyInForce(layout: HomeLayout, workspace: WorkspaceFile): Promise<PolicyInForce> {
  const source = policySource(layout, workspace);
  const { commit } = await source.approvedHead(undefined);
  const loaded = await source.load(commit);
  return { ...loaded, ref: { rid: workspace.pins.policy.rid, commit, digest: loaded.digest } };
}

/**
 * The scope under which a key acts: the first of its scopes that covers the op, else its first one, so that the keeper
 * gives the reasoned refusal. Throws `key_unknown` for a key without any scope.
 */
export function chooseScope({ policy }: LoadedPolicy, did: Did, op: Pick<OpClaims, "op" | "target">): string {
  const signer = signerOf(policy, did);
  const scopes = signer === undefined ? [] : grantedScopes(policy, signer);
  const fitting = scopes.find((scope) => matchesAny(scope.kinds, op.op) && matchesAny(scope.targets, op.target));
  const scope = fitting ?? scopes[0];
  if (scope === undefined) throw new TriplaneError("key_unknown", `the policy grants ${signer?.principal ?? did} no scope`);
  return scope.name;
}
