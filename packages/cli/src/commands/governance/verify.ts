// triplane governance verify: the governed repositories from their bytes, from the pin on.
import { toTriplaneError } from "@triplane/contract";
import { approvedPolicies, GOVERNED, openGoverned } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { governanceOptions, openSite } from "./site.ts";

interface Finding {
  readonly repository: string;
  readonly ok: boolean;
  readonly text: string;
}

export const governanceVerify = defineCommand({
  description:
    "Identity from the pinned root on, with max(M, majority) distinct signatures on every revision; everybody's signed refs to their beginning; the approved head counted by distinct delegates; every policy from the first to the approved one read, with versions that grow; nothing behind what this machine has seen. `triplane ledger verify` does the same for the ledger.",
  args: z.strictObject({}),
  options: z.strictObject(governanceOptions),
  examples: [{ command: "triplane governance verify", what: "offline, trusting only the pin" }],
  run: async ({ options }, context) => {
    const { site, pin } = await openSite(options.home, context);
    const findings: Finding[] = [];
    for (const repository of GOVERNED) {
      try {
        const opened = await openGoverned(site, repository);
        const { delegates, threshold, approved, problem, refused, verified } = opened;
        findings.push({
          repository,
          ok: true,
          text: `identity ${verified.identity.revisions.length} revisions, ${threshold} of ${delegates.length} decide`,
        });
        findings.push({ repository, ok: threshold >= site.minThreshold, text: `at least ${site.minThreshold} have to agree` });
        for (const [did, failure] of refused)
          findings.push({ repository, ok: false, text: `${did}: ${failure.message} (${failure.code})` });
        findings.push(
          approved === undefined
            ? { repository, ok: false, text: `no approved head: ${problem?.message ?? "nobody signed one"}` }
            : { repository, ok: true, text: `approved head ${approved.base}, signed by ${approved.baseSignedBy.length}` },
        );
        for (const { commit, principal, rule } of approved?.updates ?? [])
          findings.push({ repository, ok: true, text: `on top of it ${commit} by ${principal}, within the rule ${rule}` });
        if (repository === "policy" && approved !== undefined) {
          const versions: number[] = [];
          for await (const { policy } of approvedPolicies(opened.repoDir, approved.commit, site.workspace))
            versions.push(policy.policy_version);
          findings.push({ repository, ok: true, text: `${versions.length} policies in a line, versions ${versions.join(", ")}` });
        }
      } catch (thrown) {
        const { code, message } = toTriplaneError(thrown);
        findings.push({ repository, ok: false, text: `${message} (${code})` });
      }
    }
    if (pin.single_operator) findings.push({ repository: "workspace", ok: true, text: "SINGLE OPERATOR: one person alone decides here" });
    return { findings, ok: findings.every(({ ok }) => ok) };
  },
  render: ({ findings, ok }) =>
    [
      ...findings.map((each) => `${each.ok ? "✔" : "✘"} ${each.repository}: ${each.text}`),
      ok ? "It verifies." : "It does not verify.",
    ].join("\n"),
  failed: ({ ok }) => !ok,
});
