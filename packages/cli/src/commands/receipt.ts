// triplane receipt: one file with which an outsider verifies what became of an op.
import { resolve } from "node:path";
import { verifyAuditRecord } from "@triplane/contract";
import { atomicWriteFile } from "@triplane/kit";
import { makeReceipt, readTreeFiles, repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { defineCommand } from "../framework/command.ts";
import { text } from "../framework/parameters.ts";
import { isLedgered } from "../people/ledgered.ts";
import { homeOption, openHome } from "./home-option.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;
const PUBLIC_FILE = 0o644;
const LEDGER_WAIT_MS = 5000;

export const receipt = defineCommand({
  description:
    "One JSON file: the controller's record with the op, the decision and the approvals inside, the policy that was in force, and the proof that the record is in the ledger. `triplane verify` checks it anywhere, without this workspace.",
  args: z.strictObject({ jti: text("JTI", "The op's id, or the digest that the ledger lists") }),
  options: z.strictObject({ out: text("FILE", "Write it there instead of to standard output").optional(), home: homeOption }),
  examples: [
    { command: "triplane receipt 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --out receipt.json", what: "a file to hand out" },
    { command: "triplane receipt JTI | triplane verify -", what: "make and verify it" },
  ],
  run: async ({ args, options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const { state, policy } = workspace.pins;
    const policyDir = repositoryDir(layout.storage, policy.rid);
    // The outcome of an op is known a moment before its record is committed; what is still missing then fails below.
    const onWait = () => context.progress("waiting for the ledger …");
    await isLedgered(layout, workspace, args.jti, { timeoutMs: LEDGER_WAIT_MS, clock: context.clock, signal: context.signal, onWait });
    const made = await makeReceipt(repositoryDir(layout.storage, state.rid), state, args.jti, {
      policyFiles: ({ commit }) => readTreeFiles(policyDir, commit, { maxBytes: MAX_POLICY_BYTES }),
    });
    if (options.out === undefined) return { receipt: made, out: undefined };
    const out = resolve(context.cwd, options.out);
    await atomicWriteFile(out, `${JSON.stringify(made, null, 2)}\n`, { mode: PUBLIC_FILE });
    return { receipt: made, out };
  },
  render: ({ receipt: made, out }) => {
    if (out === undefined) return JSON.stringify(made, null, 2);
    const { claims } = verifyAuditRecord(made.record);
    return `${out}: ${claims.subject} ${claims.outcome}, record ${made.inclusion.index} of ${made.workspace}`;
  },
});
