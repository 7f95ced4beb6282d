// triplane ledger log: what the ledger says happened.
import { type AuditClaims, parseOp, verifyAdmission, verifyRefusal } from "@triplane/contract";
import { readLedger, repositoryDir } from "@triplane/ledger";
import { signerOf } from "@triplane/policy";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { integer } from "../../framework/parameters.ts";
import { table, utc } from "../../framework/table.ts";
import { policyInForce } from "../../people/policy.ts";
import { homeOption, openHome } from "../home-option.ts";

const DEFAULT_COUNT = 20;

export const ledgerLog = defineCommand({
  description: "Each record's signature is checked; `triplane ledger verify` checks the whole.",
  args: z.strictObject({}),
  options: z.strictObject({ count: integer("N", "How many (default: 20)", { min: 1, max: 100_000 }).optional(), home: homeOption }),
  examples: [
    { command: "triplane ledger log", what: "the last twenty records" },
    { command: "triplane ledger log --count 1000 --json", what: "for a script" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const { policy } = await policyInForce(layout, workspace);
    const records = [];
    for await (const entry of readLedger(repositoryDir(layout.storage, workspace.pins.state.rid), workspace.pins.state, {
      newestFirst: true,
    })) {
      const { claims } = entry.record;
      const said = decisionOf(claims);
      const principal = said.issuer === undefined ? undefined : signerOf(policy, said.issuer)?.principal;
      const { outcome, code } = claims;
      const { kind, target, rule } = said;
      records.push({
        index: entry.index,
        subject: entry.subject,
        principal,
        kind,
        target,
        rule,
        outcome,
        code,
        finishedAt: claims.finished_at,
        commit: entry.commit,
      });
      if (records.length >= (options.count ?? DEFAULT_COUNT)) break;
    }
    return { records };
  },
  render: ({ records }) =>
    records.length === 0
      ? "The ledger is empty."
      : table(
          ["#", "FINISHED", "WHO", "KIND", "TARGET", "OUTCOME", "RULE", "JTI"],
          records.map((each) => [
            String(each.index),
            utc(each.finishedAt),
            each.principal ?? "?",
            each.kind ?? "?",
            each.target ?? "?",
            each.code === undefined ? each.outcome : `${each.outcome}: ${each.code}`,
            each.rule ?? "",
            each.subject,
          ]),
        ),
});

function decisionOf(claims: AuditClaims) {
  const decision = claims.basis === "admission" ? verifyAdmission(claims.decision).claims : verifyRefusal(claims.decision).claims;
  const op = decision.op === undefined ? undefined : parseOp(decision.op).claims;
  return { issuer: op?.iss, kind: op?.op, target: op?.target, rule: decision.rule };
}
