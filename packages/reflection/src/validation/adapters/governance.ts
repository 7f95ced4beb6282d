// The three repositories and the policy in force as sources, from their bytes on.
//
// 1. What was seen is remembered in a file of its own: a validator that is taken back to an older state says so, whatever others remember.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type GovernedRepository, openGoverned, repoDirOf, type Site } from "@triplane/governance";
import { commitSignatures, operatorKeys, readTreeFiles, type VerifiedRepository, verifyRepository } from "@triplane/ledger";
import { loadPolicy, type Policy } from "@triplane/policy";
import type { PolicyFacts } from "../checks/keeper-policy.ts";
import type { GovernanceFacts, GovernedRepositoryName, RepositoryFacts } from "../checks/radicle-governance.ts";
import type { Source } from "../source.ts";

/** The newest commits of each head; a ledger grows without end. */
const MAX_COMMITS = 5_000;
const MAX_POLICY_BYTES = 4 * 1024 * 1024;
/** A writer moves refs one after another: what is stray may only be under way. */
const LOOKS = 3;

export interface GovernancePlace {
  readonly site: Site;
  /** As it is pinned, for as long as no policy says otherwise. */
  readonly controller: Did;
}

export function governanceSource({ site, controller }: GovernancePlace): Source<GovernanceFacts> {
  return {
    where: site.storageDir,
    read: async () => {
      const policy = await policyOf(site);
      const repositories: GovernanceFacts["repositories"][number][] = [];
      for (const name of ["policy", "desired", "state"] as const) {
        try {
          repositories.push(await settled(() => (name === "state" ? ledgerFacts(site) : governedFacts(site, name))));
        } catch (thrown) {
          const { code, message } = toTriplaneError(thrown);
          repositories.push({ name, rid: site.pins[name].rid, problem: { code, message } });
        }
      }
      return {
        minThreshold: site.minThreshold,
        controller: policy?.pins.controller ?? controller,
        operators: policy === undefined ? undefined : new Set(operatorKeys(policy).keys()),
        repositories,
      };
    },
  };
}

export function policySource(site: Site): Source<PolicyFacts> {
  return {
    where: repoDirOf(site, "policy"),
    read: async () => {
      const { approved, problem } = await openGoverned(site, "policy");
      if (approved === undefined) throw problem ?? new TriplaneError("quorum_not_reached", "nobody approved a policy");
      const files = await readTreeFiles(repoDirOf(site, "policy"), approved.commit, { maxBytes: MAX_POLICY_BYTES });
      return { workspace: site.workspace, commit: approved.commit, files, pins: site.pins };
    },
  };
}

async function policyOf(site: Site): Promise<Policy | undefined> {
  try {
    const { approved } = await openGoverned(site, "policy");
    if (approved === undefined) return undefined;
    return loadPolicy(await readTreeFiles(repoDirOf(site, "policy"), approved.commit, { maxBytes: MAX_POLICY_BYTES })).policy;
  } catch {
    // Whether there is a policy that reads is what validate-keeper-policy says.
    return undefined;
  }
}

async function settled(look: () => Promise<RepositoryFacts>): Promise<RepositoryFacts> {
  let facts = await look();
  for (let again = 1; again < LOOKS && facts.stray.length > 0; again += 1) facts = await look();
  return facts;
}

async function governedFacts(site: Site, name: "policy" | "desired"): Promise<RepositoryFacts> {
  const opened: GovernedRepository = await openGoverned(site, name);
  const { approved, problem } = opened;
  return {
    ...(await factsOf(name, opened.rid, opened.repoDir, opened.verified)),
    refused: [...opened.refused].map(([who, { code, message }]) => ({ who, code, message })),
    approved: approved === undefined ? undefined : { commit: approved.commit, signedBy: approved.baseSignedBy.length },
    approvalProblem: problem === undefined ? undefined : { code: problem.code, message: problem.message },
  };
}

async function ledgerFacts(site: Site): Promise<RepositoryFacts> {
  const repoDir = repoDirOf(site, "state");
  return await factsOf("state", site.pins.state.rid, repoDir, await verifyRepository(repoDir, site.pins.state));
}

async function factsOf(name: GovernedRepositoryName, rid: string, repoDir: string, verified: VerifiedRepository): Promise<RepositoryFacts> {
  const { identity, delegates, threshold, refused, strayRefs, signed } = verified;
  const everDelegates = [...new Set(identity.documents.flatMap((document) => document.delegates))];
  const { commits, complete, unsigned, signers } = await commitSignatures(repoDir, { namespaces: everDelegates, maxCommits: MAX_COMMITS });
  return {
    ...{ name, rid, delegates, everDelegates, threshold },
    revisions: identity.revisions.length,
    refused: [...refused].map(([who, { code, message }]) => ({ who, code, message })),
    stray: strayRefs,
    signedRefs: signed.size,
    signatures: { commits, complete, unsigned, signers: [...signers.keys()] },
  };
}
