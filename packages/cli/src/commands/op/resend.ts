// triplane op resend: send again whatever of an outbox has no outcome.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { counted, table } from "../../framework/table.ts";
import { withSubmitter } from "../../people/person.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";
import { viewOp } from "./render.ts";

export const opResend = defineCommand({
  noun: "op",
  verb: "resend",
  summary: "Send again every op of yours that has no outcome",
  description:
    "Looks for the outcome of each first; what has none is sent again, byte for byte, in the order of the numbers. Harmless at any time: what is known is answered with what it came to, never applied twice. After NATS was lost it is how ops come back that were on their way.",
  args: z.strictObject({}),
  options: z.strictObject({ as: asOption, home: homeOption }),
  examples: [
    { command: "triplane op resend", what: "everything that you still wait for" },
    { command: "triplane op resend --as ci --json", what: "what CI's outbox holds, as data" },
  ],
  run: async ({ options }, context) => {
    const person = await openPerson(options, context);
    const { sent, finished } = await withSubmitter(person, (submitter) => submitter.resendAll());
    return { principal: person.principal, sent: sent.map((op) => viewOp(op)), finished: finished.map(({ entry }) => entry.jti) };
  },
  render: ({ principal, sent, finished }) => {
    const ended = finished.length === 0 ? "" : `${counted(finished.length, "op")} had an outcome waiting, which is now in the outbox.\n`;
    if (sent.length === 0) return `${ended}Nothing of ${principal} waits for an outcome.`;
    const rows = sent.map((op) => [op.jti, String(op.seq), op.kind, op.target, op.expiresAt]);
    return `${ended}${table(["SENT AGAIN", "SEQ", "KIND", "TARGET", "EXPIRES"], rows)}`;
  },
});
