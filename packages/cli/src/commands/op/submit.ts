// triplane op submit: plan, sign, keep, send.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import type { OutboxOp, Submitter } from "@triplane/submitter";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, flag, text } from "../../framework/parameters.ts";
import { type Person, planOp, withSubmitter } from "../../people/person.ts";
import { openPerson, wishArgs, wishFrom, wishOptions } from "./options.ts";
import { renderOutcome, renderPlan, viewOp } from "./render.ts";
import { waitForOutcome } from "./wait-for.ts";

const DEFAULT_WAIT_S = 120;

export const opSubmit = defineCommand({
  description:
    "Asks the orchestrator for the plan, signs the op together with the plan's digest and the target's version, keeps it in the outbox, and sends it. The op stays in the outbox until its outcome is held; sending it again is harmless.\n\nWith --wait the exit code tells the outcome: 0 if it was applied, 1 if not.",
  args: wishArgs.partial(),
  options: z.strictObject({
    ...wishOptions,
    plan: flag("Only show the plan; sign and send nothing"),
    wait: flag("Wait for the outcome"),
    quiet: flag("Print only the op's id"),
    waitFor: duration("How long to wait (default: 2m); implies --wait").optional(),
    signed: text("FILE", "Send an op that was signed elsewhere (compact JWS; - reads standard input) instead of making one").optional(),
  }),
  examples: [
    {
      command: "triplane op submit component.deploy web --arg component=web --wait",
      what: "deploy a component and wait until it is healthy",
    },
    { command: "triplane op submit component.remove web --as ana --expires-in 30m", what: "an op that has half an hour to be approved" },
    { command: "triplane op submit component.scale web --arg replicas=3 --plan", what: "only the plan" },
    { command: "JTI=$(triplane op submit component.remove web --quiet)", what: "keep the op's id in a shell variable" },
    { command: "triplane op submit --signed op.jwt --as ana", what: "send the same signed op again" },
  ],
  run: async ({ args, options }, context) => {
    const person = await openPerson(options, context);
    if (options.signed !== undefined) {
      if (args.kind !== undefined) throw new TriplaneError("usage", "--signed takes the whole op from the file; leave KIND and TARGET out");
      const compact = await readCompact(options.signed, context);
      return { quiet: options.quiet, ...(await send(person, (submitter) => submitter.submitSigned(compact), options, context)) };
    }
    if (args.kind === undefined || args.target === undefined) throw new TriplaneError("usage", "KIND and TARGET are needed");
    const { plan, draft } = await planOp(person, wishFrom({ kind: args.kind, target: args.target }, options));
    if (options.plan) return { plan, op: undefined, quiet: options.quiet };
    if (!options.quiet) context.progress(renderPlan(plan));
    return { plan, quiet: options.quiet, ...(await send(person, (submitter) => submitter.submit(draft, person.key), options, context)) };
  },
  render: (data) => {
    if (data.op === undefined) return "plan" in data && data.plan !== undefined ? renderPlan(data.plan) : "";
    if (data.quiet) return data.op.jti;
    const head = `${data.op.jti}  ${data.op.kind} ${data.op.target}  seq ${data.op.seq}`;
    return data.op.outcome === undefined
      ? `${head}\nwords ${data.op.words}\nsent; \`triplane op wait ${data.op.jti}\``
      : `${head}\n${renderOutcome(data.op.outcome)}`;
  },
  failed: (data) => data.op?.outcome !== undefined && data.op.outcome.outcome !== "applied",
});

async function send(
  person: Person,
  sending: (submitter: Submitter) => Promise<OutboxOp>,
  options: { readonly wait: boolean; readonly waitFor?: number | undefined },
  context: CommandContext,
) {
  return await withSubmitter(person, async (submitter) => {
    const sent = await sending(submitter);
    if (!options.wait && options.waitFor === undefined) return { op: viewOp(sent) };
    const outcome = await waitForOutcome(submitter, viewOp(sent), options.waitFor ?? DEFAULT_WAIT_S, context);
    return { op: viewOp({ ...sent, entry: { ...sent.entry, outcome } }) };
  });
}

async function readCompact(path: string, context: CommandContext): Promise<string> {
  if (path === "-") return (await context.readInput()).trim();
  try {
    return (await readFile(resolve(context.cwd, path), "utf8")).trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new TriplaneError("usage", `${path} does not exist`, { cause: error });
    throw error;
  }
}
