// triplane verify: a receipt, checked without the workspace it came from.
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import { MAX_RECEIPT_BYTES, parseReceipt, type ReceiptReport, verifyReceipt } from "@triplane/ledger";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { text } from "../framework/parameters.ts";
import { facts, utc } from "../framework/table.ts";
import { decisionFromFiles } from "../people/decisions.ts";
import { anchorOptions, anchorsFrom } from "./ledger/anchors.ts";

export const verify = defineCommand({
  description:
    "Offline, and without trusting whoever handed you the file: the signatures of issuer, approvers, keeper and controller, the policy, the decision run again, and the proof that the record is in the ledger. What you trust (the ledger's id or the controller's key) comes from flags, else from the home's workspace.json; without either, a receipt only agrees with itself, and that is not enough: exit code 1.",
  args: z.strictObject({ file: text("FILE", "The receipt; - reads standard input") }),
  options: z.strictObject(anchorOptions),
  examples: [
    { command: "triplane verify receipt.json", what: "with the pins of the local workspace" },
    {
      command: "triplane verify receipt.json --controller did:key:z6Mk…",
      what: "as an outsider who knows the controller's key from elsewhere",
    },
  ],
  run: async ({ args, options }, context) => {
    const anchors = await anchorsFrom(options, context);
    const report = await verifyReceipt(parseReceipt(await readBytes(args.file, context)), {
      ...(anchors.controller === undefined ? {} : { trustedController: anchors.controller }),
      ...(anchors.state === undefined ? {} : { statePin: anchors.state }),
      ...(anchors.policyRid === undefined ? {} : { policyRid: anchors.policyRid }),
      checkDecision: decisionFromFiles,
    });
    return {
      file: args.file,
      trusted: anchors.trusted,
      ok: report.ok,
      consistent: report.consistent,
      steps: report.steps,
      says: saysOf(report),
    };
  },
  render: (report) => {
    const marks = { proven: "✔", failed: "✘", skipped: "–" } as const;
    const verdict = report.ok
      ? "✔ The receipt proves this."
      : report.consistent
        ? "– The receipt agrees with itself, but nothing says that its ledger is the one you mean: give --controller or --state-rid and --state-root."
        : "✘ The receipt is not valid.";
    return [
      facts([
        ["receipt", report.file],
        ["trusted", report.trusted.length === 0 ? "nothing" : report.trusted.join("\n")],
      ]),
      "",
      ...report.steps.map((step) => `${marks[step.result]} ${step.part.padEnd(10)} ${step.what}`),
      "",
      ...(report.says === undefined ? [] : [facts(Object.entries(report.says)), ""]),
      verdict,
    ].join("\n");
  },
  failed: (report) => !report.ok,
});

function saysOf(report: ReceiptReport): Readonly<Record<string, string>> | undefined {
  if (report.record === undefined || !report.consistent) return undefined;
  const { claims } = report.record;
  const versions =
    claims.state_version_after === undefined ? {} : { version: `${claims.state_version_before ?? 0} → ${claims.state_version_after}` };
  return {
    subject: claims.subject,
    outcome: claims.outcome,
    ...(claims.target === undefined ? {} : { target: claims.target }),
    ...versions,
    finished: utc(claims.finished_at),
  };
}

/** The bytes as they are; of a file that is larger than any receipt, enough to see that. */
async function readBytes(path: string, context: CommandContext): Promise<string | Uint8Array> {
  if (path === "-") return await context.readInput();
  try {
    return Buffer.concat(await Array.fromAsync(createReadStream(resolve(context.cwd, path), { end: MAX_RECEIPT_BYTES })));
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new TriplaneError("usage", `${path} does not exist`, { cause: error });
    throw error;
  }
}
