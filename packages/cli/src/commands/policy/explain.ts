// triplane policy explain: what the approved policy says about an op, rule by rule.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { JTI_PATTERN, type Op, TriplaneError, verifyOp } from "@triplane/contract";
import { readBrokenGlass } from "@triplane/keeper";
import { isErrno } from "@triplane/kit";
import { decide, explain, signerOf } from "@triplane/policy";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { policyInForce } from "../../people/policy.ts";
import { asOption } from "../../people/who.ts";
import { homeOption, openHome } from "../home-option.ts";
import { openPerson } from "../op/options.ts";

export const policyExplain = defineCommand({
  description:
    "The same function that the keeper runs, now, without approvals. Rates and budgets count as unused, for only the keeper counts them. An op that a sealed key signed is taken to break the glass. Exit code 1 if the policy refuses the op.",
  args: z.strictObject({
    op: text("OP", "An op of your outbox by its id, or a file with a signed op, also one that breaks the glass (- reads standard input)"),
  }),
  options: z.strictObject({ as: asOption, home: homeOption }),
  examples: [
    { command: "triplane policy explain 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b", what: "an op that you signed" },
    { command: "triplane op show JTI --compact | triplane policy explain -", what: "an op from standard input" },
  ],
  run: async ({ args, options }, context) => {
    const op = opIn(await compactOf(args.op, options, context));
    const { layout, workspace } = await openHome(options.home, context);
    const inForce = await policyInForce(layout, workspace);
    const nowS = Math.floor(context.clock.nowMs() / 1000);
    const about = { op, policy: inForce.policy, policyRef: inForce.ref, approvals: [], nowS };
    const breaksGlass = signerOf(inForce.policy, op.claims.iss)?.role === "break_glass";
    const decision = decide(
      breaksGlass ? { ...about, facts: {}, breakGlass: true } : { ...about, facts: { recent_auto: {}, budget_used: 0 } },
    );
    const { kind, target } = { kind: op.claims.op, target: op.claims.target };
    return {
      jti: op.claims.jti,
      kind,
      target,
      policyCommit: inForce.ref.commit,
      verdict: decision.verdict,
      explanation: explain(decision),
    };
  },
  render: (said) => [`${said.kind} ${said.target} under policy ${said.policyCommit}`, ...said.explanation].join("\n"),
  failed: (said) => said.verdict === "refuse",
});

/** A signed op, or one that broke the glass with its admission around it. */
function opIn(compact: string): Op {
  try {
    return verifyOp(compact);
  } catch (thrown) {
    if (thrown instanceof TriplaneError && thrown.code === "typ_refused") return readBrokenGlass(compact);
    throw thrown;
  }
}

async function compactOf(
  given: string,
  options: { readonly as?: string | undefined; readonly home?: string | undefined },
  context: CommandContext,
): Promise<string> {
  if (given === "-") return (await context.readInput()).trim();
  if (JTI_PATTERN.test(given)) {
    const person = await openPerson(options, context);
    const op = await person.outbox.find(given);
    if (op === undefined) throw new TriplaneError("op_unknown", `${person.principal}'s outbox holds no op ${given}`);
    return op.entry.op;
  }
  try {
    return (await readFile(resolve(context.cwd, given), "utf8")).trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw new TriplaneError("usage", `${given} is neither the id of an op nor a file`, { cause: error });
    throw error;
  }
}
