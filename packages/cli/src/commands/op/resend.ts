// triplane op resend: send again whatever of an outbox has no outcome, or no record in the ledger.
import { findRecord, repositoryDir } from "@triplane/ledger";
import type { OutboxOp } from "@triplane/submitter";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag } from "../../framework/parameters.ts";
import { counted, table } from "../../framework/table.ts";
import { type Person, withSubmitter } from "../../people/person.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";
import { viewOp } from "./render.ts";

export const opResend = defineCommand({
  description:
    "Looks for the outcome of each first; what has none is sent again, byte for byte, in the order of the numbers. Harmless at any time: what is known is answered with what it came to, never applied twice. After NATS was lost it is how ops come back that were on their way.",
  args: z.strictObject({}),
  options: z.strictObject({
    as: asOption,
    unrecorded: flag("Also those whose outcome you hold and of which the ledger has no record"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane op resend", what: "everything that you still wait for" },
    { command: "triplane op resend --as ci --json", what: "what CI's outbox holds, as data" },
    { command: "triplane op resend --unrecorded", what: "after database and NATS were both lost: what the ledger never got" },
  ],
  run: async ({ options }, context) => {
    const person = await openPerson(options, context);
    return await withSubmitter(person, async (submitter) => {
      const { sent, finished } = await submitter.resendAll();
      const again = options.unrecorded ? await unrecorded(person) : [];
      for (const op of again) await submitter.send(op);
      const all = [...sent, ...again].map((op) => viewOp(op));
      return { principal: person.principal, sent: all, finished: finished.map(({ entry }) => entry.jti) };
    });
  },
  render: ({ principal, sent, finished }) => {
    const ended = finished.length === 0 ? "" : `${counted(finished.length, "op")} had an outcome waiting, which is now in the outbox.\n`;
    if (sent.length === 0) return `${ended}Nothing of ${principal} waits for an outcome.`;
    const rows = sent.map((op) => [op.jti, String(op.seq), op.kind, op.target, op.expiresAt]);
    return `${ended}${table(["SENT AGAIN", "SEQ", "KIND", "TARGET", "EXPIRES"], rows)}`;
  },
});

/** Ops that ended, and whose record was lost before it was mirrored; oldest first, which is the order of their numbers. */
async function unrecorded({ outbox, layout, workspace }: Person): Promise<readonly OutboxOp[]> {
  const { state } = workspace.pins;
  const lacking: OutboxOp[] = [];
  for (const op of await outbox.list()) {
    if (op.entry.outcome === undefined) continue;
    const dir = repositoryDir(layout.storage, state.rid);
    // Where another op has the jti, the record is filed under the digest.
    const found = (await findRecord(dir, state, op.claims.jti)) ?? (await findRecord(dir, state, op.digest));
    if (found === undefined) lacking.push(op);
  }
  return lacking;
}
