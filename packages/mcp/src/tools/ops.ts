// Tools on ops: what one would do, submit it, see what became of it.
import { jsonRecordField, kindField, TARGET_PATTERN } from "@triplane/contract";
import { z } from "zod";
import { jtiArgument, opShape, prospectShape } from "./shapes.ts";
import { type Call, defineTool, LOOKS, type Tool } from "./tool.ts";

const MAX_REASON = 1000;
/** An op's lifetime unless told otherwise; the policy has the last word. */
const DEFAULT_LIFETIME_S = 600;
const MAX_LIFETIME_S = 31 * 86_400;
const DEFAULT_WAIT_S = 10;
// Longer waits are several calls: clients give up on a call long before a person has read an op.
const MAX_WAIT_S = 300;

const wish = {
  kind: kindField.meta({ description: "What to do, like component.restart; docs/reference/op-kinds.md lists the kinds" }),
  target: z.string().regex(TARGET_PATTERN, "must be a target's name").meta({ description: "What to do it to, like web" }),
  args: jsonRecordField.default({}).meta({ type: "object", description: 'The arguments of the kind, like {"replicas": 2}' }),
  reason: z.string().min(1).max(MAX_REASON).meta({ description: "Why, for the people who may have to approve; it goes into the ledger" }),
  expiresInS: z.int().min(1).max(MAX_LIFETIME_S).default(DEFAULT_LIFETIME_S).meta({ description: "Seconds for which the op is valid" }),
};

const waitS = z.int().min(0).max(MAX_WAIT_S).meta({ description: "Seconds to wait at most; the op goes on whether or not anybody waits" });

function waiting(seconds: number, until: "answer" | "outcome", call: Call) {
  return { timeoutMs: seconds * 1000, until, signal: call.signal, onState: (state: string) => call.progress(state) };
}

export const OP_TOOLS: readonly Tool[] = [
  defineTool({
    name: "plan_op",
    title: "Plan an op",
    description:
      "What an op would do now, and what the approved policy would say of it: admit, review (people are asked) or refuse, with the rule and the nearest allowed variant. Nothing is signed, sent or changed.",
    hints: LOOKS,
    input: z.strictObject({ ...wish, reason: wish.reason.optional(), expiresInS: wish.expiresInS }),
    output: prospectShape,
    run: (desk, input) => desk.ops.plan({ ...input, reason: input.reason ?? "planned only" }),
  }),
  defineTool({
    name: "submit_op",
    title: "Submit an op",
    description:
      "Plans an op, signs it with the agent's key, keeps it, and sends it to the keeper, which decides under the policy. `pending_approval` is a normal answer: people are asked, and `op_status` tells when they decided. `refused` names the rule, the fact and the nearest allowed variant. Calling again with the same requestId asks for the same op: use it after a lost connection.",
    // It changes production where the policy lets it, and repeating it does not do so twice.
    hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    input: z.strictObject({
      requestId: z
        .string()
        .regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 letters, digits, dots, colons, hyphens and underscores")
        .meta({ description: "Your own id for this op: a new one for a new op, the same one to ask again" }),
      ...wish,
      waitS: waitS.default(DEFAULT_WAIT_S),
    }),
    output: opShape,
    run: (desk, { requestId, waitS: seconds, ...wished }, call) => desk.ops.submit(requestId, wished, waiting(seconds, "answer", call)),
  }),
  defineTool({
    name: "op_status",
    title: "Where an op is",
    description:
      "The state of an op that this agent submitted, with its outcome as the controller signed it. With waitS it waits for the outcome.",
    hints: LOOKS,
    input: z.strictObject({ jti: jtiArgument, waitS: waitS.default(0) }),
    output: opShape,
    run: (desk, { jti, waitS: seconds }, call) => desk.ops.status(jti, waiting(seconds, "outcome", call)),
  }),
  defineTool({
    name: "list_ops",
    title: "Ops of this agent",
    description: "Every op that this agent signed here, newest first. An agent sees no other ops.",
    hints: LOOKS,
    input: z.strictObject({
      limit: z.int().min(1).max(200).default(20),
      open: z.boolean().default(false).meta({ description: "Only those without an outcome" }),
    }),
    output: z.object({ ops: z.array(opShape), total: z.int() }),
    run: async (desk, { limit, open }) => {
      const all = (await desk.ops.list()).filter(({ outcome }) => !open || outcome === undefined);
      return { ops: all.slice(0, limit), total: all.length };
    },
  }),
  defineTool({
    name: "op_receipt",
    title: "Receipt of an op",
    description:
      "The proof of what became of an op: the controller's record with the op, the decision and the approvals inside, the policy that was in force, and the proof that the record is in the ledger. `triplane verify` checks it anywhere.",
    hints: LOOKS,
    input: z.strictObject({ jti: jtiArgument }),
    output: z.object({ jti: z.string(), receipt: jsonRecordField }),
    run: async (desk, { jti }) => ({ jti, receipt: await desk.ops.receipt(jti) }),
  }),
];
