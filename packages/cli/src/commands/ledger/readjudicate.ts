// triplane ledger readjudicate: every past decision made again, and what differs.
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type ReadjudicatedRecord, readjudicateLedger } from "@triplane/ledger";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { counted, facts, table } from "../../framework/table.ts";
import { anchorOptions, anchorsFrom } from "./anchors.ts";
import { decisionsFrom, policyOptions, storedLedger } from "./where.ts";

const PROGRESS_EVERY = 1000;
/** What is listed; more are counted. */
const MAX_LISTED = 1000;

export const ledgerReadjudicate = defineCommand({
  description:
    "A decision is a pure function of the op, the policy commit, the approvals, the facts and the time that its record holds, so anybody can make it again and must come to the same. Each is made again here under the policy commit that it names, which must have been approved itself. Every difference is listed with what was recorded and what the policy says, and makes the exit code 1: a keeper or a person decided what the policy does not, the policy repository is not the one that was in force, or a program decides differently than it did.\n\nRefusals that rest on what the keeper saw (a gap in the numbers, bytes that are no op) cannot be made again; they are counted as witnessed, and their signer is checked. `triplane ledger verify` checks everything else about the ledger. Both repositories need their signed refs: a storage repository or a mirror clone.",
  args: z.strictObject({ dir: text("DIR", "The ledger's repository or a mirror clone of it (default: the home's)").optional() }),
  options: z.strictObject({ ...policyOptions, ...anchorOptions }),
  examples: [
    { command: "triplane ledger readjudicate", what: "the ledger of the local workspace" },
    { command: "triplane ledger readjudicate --json", what: "for a script: the differences as data" },
    {
      command:
        "triplane ledger readjudicate ./state --policy-repo ./policy --state-rid rad:z… --state-root COMMIT --policy-rid rad:z… --policy-root COMMIT",
      what: "as an outsider, on mirror clones",
    },
  ],
  run: async ({ args, options }, context) => {
    const anchors = await anchorsFrom(options, context);
    const { state } = anchors;
    if (state === undefined)
      throw new TriplaneError("usage", "nothing says which ledger to trust: give --state-rid and --state-root, or --home");
    const dir = args.dir === undefined ? storedLedger(anchors, state.rid) : resolve(context.cwd, args.dir);
    const policies = decisionsFrom("readjudicate", options, anchors, context.cwd);
    const counts = { same: 0, witnessed: 0, differs: 0 };
    const differences: ReturnType<typeof listed>[] = [];
    const commits = new Set<string>();
    let records = 0;
    for await (const made of readjudicateLedger(dir, state, policies)) {
      records += 1;
      counts[made.result] += 1;
      if (made.policyCommit !== undefined) commits.add(made.policyCommit);
      if (made.result === "differs" && differences.length < MAX_LISTED) differences.push(listed(made));
      if (context.terminal && !context.json && records % PROGRESS_EVERY === 0) context.progress(`${records} decisions …`);
    }
    return {
      ...{ dir, policyRepo: policies.repoDir, trusted: anchors.trusted, ok: counts.differs === 0 },
      ...{ records, policies: commits.size, ...counts, differences },
    };
  },
  render: (report) => {
    const head = facts([
      ["ledger", report.dir],
      ["policies", `${report.policyRepo}, ${counted(report.policies, "commit")} named`],
      ["trusted", report.trusted.join("\n")],
      ["decisions", `${report.records}: ${report.same} the same, ${report.witnessed} witnessed, ${report.differs} different`],
    ]);
    if (report.ok) return `${head}\n\n✔ Every decision, made again under the policy that it names, is the same.`;
    const rows = report.differences.map(({ index, subject, recorded, now, why }) => [String(index), subject, recorded, now ?? "?", why]);
    const more = report.differs - report.differences.length;
    return [
      head,
      "",
      table(["#", "SUBJECT", "RECORDED", "THE POLICY SAYS", "WHY"], rows),
      ...(more === 0 ? [] : [`… and ${more} more`]),
      "",
      `✘ ${counted(report.differs, "decision")} of ${report.records} ${report.differs === 1 ? "differs" : "differ"} from what the policy says.`,
    ].join("\n");
  },
  failed: (report) => !report.ok,
});

function listed({ index, subject, policyCommit, recorded, now, failure }: ReadjudicatedRecord) {
  return { index, subject, policyCommit, recorded, now, code: failure?.code, why: failure?.message ?? "it is not the same" };
}
