// triplane ledger log: what the ledger says happened.
import { type AuditClaims, type Did, isDid, parseOp, verifyAdmission, verifyApproval, verifyRefusal } from "@triplane/contract";
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
  description:
    "Each record's signature is checked; `triplane ledger verify` checks the whole. With --key only the records are listed in which this key signed something: the op, an approval, the decision, or the record itself. That is what to look through when a key was lost.",
  args: z.strictObject({}),
  options: z.strictObject({
    key: z
      .custom<Did>((value) => typeof value === "string" && isDid(value), "must be the did:key of an Ed25519 key")
      .meta({ description: "Only records with a signature of this key", placeholder: "DID" })
      .optional(),
    count: integer("N", "How many (default: 20)", { min: 1, max: 100_000 }).optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane ledger log", what: "the last twenty records" },
    { command: "triplane ledger log --count 1000 --json", what: "for a script" },
    { command: "triplane ledger log --key did:key:z6Mk… --count 100000", what: "everything that a key signed" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const { policy } = await policyInForce(layout, workspace);
    const records = [];
    for await (const entry of readLedger(repositoryDir(layout.storage, workspace.pins.state.rid), workspace.pins.state, {
      newestFirst: true,
    })) {
      const { claims } = entry.record;
      const signed = options.key === undefined ? undefined : signaturesOf(claims, options.key);
      if (signed?.length === 0) continue;
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
        ...(signed === undefined ? {} : { signed }),
      });
      if (records.length >= (options.count ?? DEFAULT_COUNT)) break;
    }
    return { records, key: options.key };
  },
  render: ({ records, key }) =>
    records.length === 0
      ? key === undefined
        ? "The ledger is empty."
        : `No record has a signature of ${key}.`
      : table(
          ["#", "FINISHED", "WHO", "KIND", "TARGET", "OUTCOME", "RULE", "JTI", ...(records[0]?.signed === undefined ? [] : ["SIGNED"])],
          records.map((each) => [
            String(each.index),
            utc(each.finishedAt),
            each.principal ?? "?",
            each.kind ?? "?",
            each.target ?? "?",
            each.code === undefined ? each.outcome : `${each.outcome}: ${each.code}`,
            each.rule ?? "",
            each.subject,
            ...(each.signed === undefined ? [] : [each.signed.join(", ")]),
          ]),
        ),
});

/** Which of the signatures inside a record are this key's. */
function signaturesOf(claims: AuditClaims, key: Did): readonly string[] {
  const decision = claims.basis === "admission" ? verifyAdmission(claims.decision).claims : verifyRefusal(claims.decision).claims;
  const signers: readonly (readonly [string, string | undefined])[] = [
    ["op", decision.op === undefined ? undefined : parseOp(decision.op).claims.iss],
    ...decision.approvals.map((approval) => {
      const { iss, decision: word } = verifyApproval(approval).claims;
      return [word === "approve" ? "approval" : "rejection", iss] as const;
    }),
    [claims.basis, decision.iss],
    ["record", claims.iss],
  ];
  return signers.flatMap(([what, signer]) => (signer === key ? [what] : []));
}

function decisionOf(claims: AuditClaims) {
  const decision = claims.basis === "admission" ? verifyAdmission(claims.decision).claims : verifyRefusal(claims.decision).claims;
  const op = decision.op === undefined ? undefined : parseOp(decision.op).claims;
  return { issuer: op?.iss, kind: op?.op, target: op?.target, rule: decision.rule };
}
