// triplane policy simulate: a proposed policy over the ledger's past ops.
import { resolve } from "node:path";
import { nowSeconds, TriplaneError } from "@triplane/contract";
import { filesAt, filesIn, findProposal, laidOver, openGoverned, simulateProposal } from "@triplane/governance";
import { loadPolicy } from "@triplane/policy";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, text } from "../../framework/parameters.ts";
import { renderImpact } from "../governance/render.ts";
import { governanceOptions, type OpenSite, openSite } from "../governance/site.ts";

const DEFAULT_S = 30 * 86_400;
const PROPOSAL = /^[0-9a-f]{4,40}$/;

export const policySimulate = defineCommand({
  description:
    "Runs the keeper's own decision over every op of the ledger twice, under the policy in force and under the proposed one, and shows what would have been decided otherwise. Approvals count as they were given; rates and budgets are counted anew under each policy. A key that a person gives up still counts as theirs for what they signed with it.",
  args: z.strictObject({ proposed: text("PROPOSED", "A folder with keeper_policy.ncl, or the id of a proposal") }),
  options: z.strictObject({ since: duration("How far back (default: 30d)").optional(), ...governanceOptions }),
  examples: [
    { command: "triplane policy simulate ./policy", what: "before you propose it" },
    { command: "triplane policy simulate 3f9a1c22b0de --since 7d", what: "what somebody proposed" },
  ],
  run: async ({ args, options }, context) => {
    const open = await openSite(options.home, context);
    const repository = await openGoverned(open.site, "policy");
    if (repository.approved === undefined) throw repository.problem ?? new TriplaneError("quorum_not_reached", "no policy is approved");
    const inForce = await filesAt(repository.repoDir, repository.approved.commit);
    const proposed = loadPolicy(await proposedFiles(args.proposed, open, inForce, context));
    const impact = await simulateProposal(open.site, loadPolicy(inForce), proposed, {
      nowS: nowSeconds(context.clock),
      impactPeriodS: options.since ?? DEFAULT_S,
    });
    return { inForce: repository.approved.commit, policyVersion: proposed.policy.policy_version, ...impact };
  },
  render: renderImpact,
});

async function proposedFiles(given: string, { site }: OpenSite, inForce: ReadonlyMap<string, string>, context: CommandContext) {
  if (PROPOSAL.test(given)) {
    const { repository, proposal } = await findProposal(site, given);
    if (repository.name !== "policy")
      throw new TriplaneError("usage", `${given} is a proposal for the ${repository.name}, not for the policy`);
    return await filesAt(repository.repoDir, proposal.commit);
  }
  return laidOver(inForce, await filesIn(resolve(context.cwd, given)), ["principals.ncl", "pins.ncl"]);
}
