// triplane op list: the ops of an outbox.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";
import { stageWord, viewOp } from "./render.ts";

export const opList = defineCommand({
  description: "From the outbox alone: nothing is asked or sent.",
  args: z.strictObject({}),
  options: z.strictObject({ as: asOption, open: flag("Only those without an outcome"), home: homeOption }),
  examples: [
    { command: "triplane op list", what: "every op that you signed here" },
    { command: "triplane op list --as scout --open --json", what: "what an agent still waits for" },
  ],
  run: async ({ options }, context) => {
    const person = await openPerson(options, context);
    const ops = options.open ? await person.outbox.pending() : await person.outbox.list();
    return { principal: person.principal, ops: ops.map((op) => viewOp(op)) };
  },
  render: ({ principal, ops }) =>
    ops.length === 0
      ? `${principal}'s outbox is empty.`
      : table(
          ["JTI", "SEQ", "KIND", "TARGET", "STAGE", "CODE", "ISSUED"],
          ops.map((op) => [op.jti, String(op.seq), op.kind, op.target, stageWord(op), op.outcome?.code ?? "", op.issuedAt]),
        ),
});
