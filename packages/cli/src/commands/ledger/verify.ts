// triplane ledger verify: everything about a ledger derived again, offline.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type Checkpoint, parseReceipt, readCheckpoint, verifyLedger } from "@triplane/ledger";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { counted, facts, utc } from "../../framework/table.ts";
import { type Anchors, anchorOptions, anchorsFrom } from "./anchors.ts";
import { decisionsFrom, policyOptions, storedLedger } from "./where.ts";

export const ledgerVerify = defineCommand({
  description:
    "Checks the repository's identity and signed refs, every commit's signature, every record and all signatures inside it, the SHA-256 chain, the Merkle tree, the checkpoint and the sequence numbers of every key; offline, from the storage repository, a mirror clone or a plain clone. The first bad record is named. With --full every decision is run again under the policy that it names.\n\nWhat you trust comes from flags, else from the home's workspace.json, and is printed. A plain clone has no signed refs: it needs --controller.",
  args: z.strictObject({ dir: text("DIR", "The repository or a clone of it (default: the home's)").optional() }),
  options: z.strictObject({
    full: flag("Also run every decision again under its policy"),
    ...policyOptions,
    remember: text(
      "FILE",
      "Note here what was found right, and next time verify only what came after; keep it as safe as the pins",
    ).optional(),
    atLeast: text("FILE", "A checkpoint or a receipt that you kept: the ledger must still contain what it covers").optional(),
    ...anchorOptions,
  }),
  examples: [
    { command: "triplane ledger verify", what: "the ledger of the local workspace" },
    { command: "triplane ledger verify ./clone --full", what: "a clone, with every decision run again" },
    {
      command: "triplane ledger verify --remember ~/.cache/triplane/verified",
      what: "every day: only what is new, and nothing taken back",
    },
    { command: "triplane ledger verify --at-least kept-checkpoint", what: "nothing was cut off or rewritten since you kept it" },
    {
      command: "triplane ledger verify ./clone --state-rid rad:z… --state-root COMMIT --controller did:key:z6Mk…",
      what: "as an outsider who knows these three from elsewhere",
    },
  ],
  run: async ({ args, options }, context) => {
    const anchors = await anchorsFrom(options, context);
    const { state } = anchors;
    if (state === undefined)
      throw new TriplaneError("usage", "nothing says which ledger to trust: give --state-rid and --state-root, or --home");
    const dir = args.dir === undefined ? storedLedger(anchors, state.rid) : resolve(context.cwd, args.dir);
    const decisions = options.full ? decisionsFrom("--full", options, anchors, context.cwd) : undefined;
    const atLeast = options.atLeast === undefined ? undefined : await keptCheckpoint(resolve(context.cwd, options.atLeast), anchors);
    const report = await verifyLedger(dir, state, {
      ...(atLeast === undefined ? {} : { atLeast }),
      ...(decisions === undefined ? {} : { decisions }),
      ...(options.remember === undefined ? {} : { memoryFile: resolve(context.cwd, options.remember) }),
      ...(anchors.controller === undefined ? {} : { controller: anchors.controller }),
      ...(anchors.policyRid === undefined ? {} : { policyRid: anchors.policyRid }),
      onProgress: (done) => {
        if (context.terminal && !context.json && done % 1000 === 0) context.progress(`${done} records …`);
      },
    });
    return { dir, trusted: anchors.trusted, decisionsRunAgain: options.full, ...report };
  },
  render: (report) => {
    const { checkpoint } = report;
    const head = facts([
      ["ledger", report.dir],
      ["trusted", report.trusted.join("\n")],
      ["records", report.verifiedBefore === 0 ? report.size : `${report.size}, ${report.verifiedBefore} of them verified before`],
      ["head", report.head],
      ["chain", report.chainHead],
      [
        "checkpoint",
        checkpoint === undefined
          ? "none yet"
          : `${counted(checkpoint.size, "record")} at ${utc(checkpoint.timeMs / 1000)}, root ${checkpoint.root}`,
      ],
      ["controller", report.controller],
      [
        "handed over",
        report.successions
          .map(
            ({ from, to, size, atS, policyCommit }) => `from record ${size} on, ${utc(atS)}, by ${from} to ${to}, policy ${policyCommit}`,
          )
          .join("\n") || undefined,
      ],
      [
        "missing",
        report.missing.map(({ key, from, to }) => `numbers ${from} to ${to} of ${key}: still on their way, or left out`).join("\n") ||
          undefined,
      ],
      ["decisions", report.decisionsRunAgain ? "every one run again" : "signatures checked; --full runs them again"],
    ]);
    const completeness =
      report.missing.length === 0 ? "complete and in order" : "in order; whether it is complete shows once the missing numbers are there";
    if (report.ok) return `${head}\n\n✔ The ledger is what the ops-controller signed, ${completeness}.`;
    const problems = report.problems.map((problem) => `✘ ${problem.message} [${problem.code}]`);
    return [head, "", ...problems].join("\n");
  },
  failed: (report) => !report.ok,
});

const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** The `checkpoint` file of an earlier clone, or the one inside a receipt; verified before it is compared with anything. */
async function keptCheckpoint(path: string, anchors: Anchors): Promise<Checkpoint> {
  const { controller, state } = anchors;
  if (controller === undefined || state === undefined)
    throw new TriplaneError("usage", "--at-least needs to know the ops-controller's key: give --controller, or --home");
  const kept = (
    await readFile(path, "utf8").catch((cause) => {
      throw new TriplaneError("usage", `${path} cannot be read`, { cause });
    })
  ).slice(0, MAX_KEPT_BYTES);
  const note = kept.trimStart().startsWith("{") ? parseReceipt(kept).checkpoint : kept;
  const [origin = ""] = note.split("\n");
  if (!origin.endsWith(`/${state.rid}`)) throw new TriplaneError("usage", `${path} is no checkpoint of the ledger ${state.rid}`);
  try {
    return readCheckpoint(note, origin, controller);
  } catch (cause) {
    throw new TriplaneError("ledger_tree_invalid", cause instanceof Error ? cause.message : `${path} does not verify`, {
      cause,
      hint: "One from before the controller's key changed is verified with the key of that time: --controller DID. The ledger then has to follow from it.",
    });
  }
}
