// triplane op show: one op of the outbox in full.
import { jtiField, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";
import { renderOutcome, viewOp } from "./render.ts";

export const opShow = defineCommand({
  description: "From the outbox alone: nothing is asked or sent. `triplane op wait` fetches what has become of it.",
  args: z.strictObject({ jti: jtiField.meta({ description: "The op's id", placeholder: "JTI" }) }),
  options: z.strictObject({ as: asOption, compact: flag("Print the signed bytes only (compact JWS)"), home: homeOption }),
  examples: [
    { command: "triplane op show 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b", what: "claims, stage and outcome" },
    { command: "triplane op show JTI --compact > op.jwt", what: "the signed op, to keep or to send again" },
  ],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const op = await person.outbox.find(args.jti);
    if (op === undefined) throw new TriplaneError("op_unknown", `${person.principal}'s outbox holds no op ${args.jti}`);
    return { ...viewOp(op), claims: op.claims, compact: op.entry.op, onlyCompact: options.compact };
  },
  render: (op) => {
    if (op.onlyCompact) return op.compact;
    const text = facts([
      ["op", op.jti],
      ["kind", op.kind],
      ["target", op.target],
      ["args", JSON.stringify(op.claims.args)],
      ["issuer", op.claims.iss],
      ["scope", op.claims.scope],
      ["seq", op.seq],
      ["expects", `version ${op.claims.expected_state_version}`],
      ["plan", op.claims.plan],
      ["reason", op.claims.reason],
      ["issued", op.issuedAt],
      ["expires", op.expiresAt],
      ["digest", op.digest],
      ["words", op.words],
    ]);
    return `${text}\n\n${op.outcome === undefined ? "no outcome yet" : renderOutcome(op.outcome)}`;
  },
});
