// Shapes that several tools give, as schemas that clients can read.
import { jsonRecordField, jtiField } from "@triplane/contract";
import { z } from "zod";
import { OP_STATES } from "../ports.ts";

export const jtiArgument = jtiField.meta({ description: "The op's id, a UUIDv7" });

const needShape = z.object({ rule: z.string(), count: z.int(), groups: z.array(z.string()) });
export const needsShape = z.array(needShape).meta({ description: "How many people of which groups a rule of the policy asks for" });

const nearestShape = jsonRecordField
  .meta({ type: "object", description: "Members of the op that would have to change, with values that the policy allows" })
  .optional();

const outcomeShape = z.object({
  code: z.string().optional(),
  why: z.string().optional(),
  hint: z.string().optional(),
  rule: z.string().meta({ description: "The rule of the policy that refused" }).optional(),
  fact: z.string().meta({ description: "The fact that decided" }).optional(),
  nearest: nearestShape,
  versionBefore: z.int().optional(),
  versionAfter: z.int().optional(),
  finishedAt: z.string(),
  evidence: jsonRecordField,
});

export const opShape = z.object({
  jti: z.string(),
  requestId: z.string().optional(),
  kind: z.string(),
  target: z.string(),
  args: jsonRecordField,
  reason: z.string().optional(),
  state: z.enum(OP_STATES).meta({
    description: "`pending_approval`: people are asked, nothing is wrong. `sent`: the keeper has not answered yet. The others are final.",
  }),
  words: z.string().meta({ description: "The op's digest in words; whoever approves sees the same ones" }),
  digest: z.string(),
  issuedAt: z.string(),
  expiresAt: z.string(),
  waitsFor: z.object({ needs: needsShape, unopposed: z.object({ groups: z.array(z.string()), runsAt: z.string() }).optional() }).optional(),
  outcome: outcomeShape.optional(),
});

export const prospectShape = z.object({
  stateVersion: z.int(),
  actions: z.array(z.object({ action: z.string(), target: z.string(), summary: z.string() })),
  planDigest: z.string(),
  scope: z.string(),
  verdict: z.enum(["admit", "review", "refuse"]).meta({
    description: "What the policy says now. Rates and the budget count as unused: only the keeper counts them.",
  }),
  rule: z.string().optional(),
  code: z.string().optional(),
  fact: z.string().optional(),
  nearest: nearestShape,
  needs: needsShape,
  explanation: z.array(z.string()),
  policyCommit: z.string(),
});

const evidenceShape = z.object({
  attempt: z.int(),
  startedAt: z.string(),
  endedAt: z.string(),
  exitCode: z.int().optional(),
  outputDigest: z.string().optional(),
  output: z.string().optional(),
  actor: z.string(),
  timedOut: z.boolean().optional(),
  interrupted: z.boolean().optional(),
});

const conditionShape = z.object({
  text: z.string(),
  verdict: z.enum(["holds", "fails", "unchecked"]),
  saw: z.string().optional(),
  affects: z.array(z.string()).optional(),
});

const stepShape = z.object({
  id: z.string(),
  action: z.string(),
  actor: z.string(),
  state: z.string(),
  cmd: z.string().optional(),
  note: z.string().optional(),
  waitsFor: z.array(z.string()),
  why: z.string().optional(),
  evidence: z.array(evidenceShape),
});

export const runShape = z.object({
  id: z.string(),
  mode: z.string(),
  task: z.string(),
  actor: z.string(),
  state: z.enum(["open", "passed", "failed", "cancelled"]),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  parameters: z.record(z.string(), z.string()),
  preconditions: z.array(conditionShape),
  postconditions: z.array(conditionShape),
  steps: z.array(stepShape),
  ready: z.array(z.string()).meta({ description: "Steps that an agent may do now" }),
});
