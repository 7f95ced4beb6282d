// triplane policy weakest: the ways an op gets through, fewest people first.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { filesAt, filesIn, laidOver, openGoverned } from "@triplane/governance";
import { loadPolicy, type WeakestPath, weakestImagePaths, weakestPaths } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { span, table } from "../../framework/table.ts";
import { governanceOptions, openSite } from "../governance/site.ts";

/** Who has to act, or who may object. */
export function whoText({ candidates, waitS }: WeakestPath): string {
  if (candidates.length === 0) return "nobody is asked";
  return waitS === undefined ? candidates.join(", ") : `${candidates.join(", ")} may object for ${span(waitS)}`;
}

export const policyWeakest = defineCommand({
  description:
    "For every rule by which an op can be admitted, or a machine can change an image of the desired state: how many people have to act besides its issuer, who they may be, and what makes it weaker than it looks. What is strong is only as strong as the weakest way through.",
  args: z.strictObject({ dir: text("DIR", "Folder with keeper_policy.ncl (default: the approved policy)").optional() }),
  options: z.strictObject(governanceOptions),
  examples: [
    { command: "triplane policy weakest", what: "the policy in force" },
    { command: "triplane policy weakest ./policy", what: "one that you are changing" },
  ],
  run: async ({ args, options }, context) => {
    const { site } = await openSite(options.home, context);
    const repository = await openGoverned(site, "policy");
    if (repository.approved === undefined) throw repository.problem ?? new TriplaneError("quorum_not_reached", "no policy is approved");
    const approved = await filesAt(repository.repoDir, repository.approved.commit);
    const own = ["principals.ncl", "pins.ncl"];
    const files = args.dir === undefined ? approved : laidOver(approved, await filesIn(resolve(context.cwd, args.dir)), own);
    const { policy } = loadPolicy(files);
    return { paths: [...weakestPaths(policy), ...weakestImagePaths(policy)].sort((a, b) => a.people - b.people) };
  },
  render: ({ paths }) =>
    table(
      ["PEOPLE", "RULE", "KINDS", "TARGETS", "WHO", "MIND"],
      paths.map((path) => [
        String(path.people),
        path.rule,
        path.kinds.join(" "),
        path.targets.join(" "),
        whoText(path),
        path.notes.join("; "),
      ]),
    ),
});
