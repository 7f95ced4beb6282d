// triplane op wait: wait until an op has its outcome.
import { jtiField, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, flag } from "../../framework/parameters.ts";
import { type Person, withSubmitter } from "../../people/person.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "./options.ts";
import { renderOutcome, viewOp, viewOutcome } from "./render.ts";
import { waitForOutcome } from "./wait-for.ts";

const DEFAULT_WAIT_S = 120;

async function waitForLedger(person: Person, jti: string, timeoutS: number, context: CommandContext): Promise<void> {
  // Loaded for those who asked for it: most wait for the outcome alone, and a script does so often.
  const { isLedgered } = await import("../../people/ledgered.ts");
  const onWait = () => context.progress("waiting for the ledger …");
  const wait = { timeoutMs: timeoutS * 1000, clock: context.clock, signal: context.signal, onWait };
  if (!(await isLedgered(person.layout, person.workspace, jti, wait)))
    throw new TriplaneError(
      "outcome_timeout",
      `the outcome of ${jti} is known, but the ledger did not have its record within ${timeoutS} s`,
    );
}

export const opWait = defineCommand({
  description:
    "The outcome is believed only if the controller signed it for these very bytes; it then stays in the outbox. Sends the op again now and then, which is harmless. Exit code 0 if it was applied, 1 if not, or if the time is over.",
  args: z.strictObject({ jti: jtiField.meta({ description: "The op's id (default: your latest op)", placeholder: "JTI" }).optional() }),
  options: z.strictObject({
    as: asOption,
    for: duration("How long to wait (default: 2m)").optional(),
    ledger: flag("Wait until the ledger has the record, too"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane op wait 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b", what: "wait up to two minutes" },
    { command: "triplane op wait --as ci --ledger", what: "ci's latest op, until it can be proven" },
    { command: "triplane op wait JTI --for 1s --json", what: "only look" },
  ],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    const op = args.jti === undefined ? (await person.outbox.list()).at(-1) : await person.outbox.find(args.jti);
    const jti = args.jti ?? op?.entry.jti;
    if (jti === undefined) throw new TriplaneError("op_unknown", `${person.principal}'s outbox is empty`);
    const words = op === undefined ? undefined : viewOp(op).words;
    const timeoutS = options.for ?? DEFAULT_WAIT_S;
    const outcome = await withSubmitter(person, (submitter) => waitForOutcome(submitter, { jti, words }, timeoutS, context));
    if (options.ledger) await waitForLedger(person, jti, timeoutS, context);
    return { jti, ...viewOutcome(outcome), record: outcome.record };
  },
  render: renderOutcome,
  failed: (view) => view.outcome !== "applied",
});
