// Tools that tell: the agent's grant, what runs, why a rule is there, whether the invariants hold.
import { jsonRecordField } from "@triplane/contract";
import { VALIDATIONS } from "@triplane/reflection";
import { z } from "zod";
import { defineTool, LOOKS, type Tool } from "./tool.ts";

const verdictShape = z.enum(["pass", "fail", "unknown", "skip"]);
const validationField = z.enum(VALIDATIONS);

export const KNOWLEDGE_TOOLS: readonly Tool[] = [
  defineTool({
    name: "show_grant",
    title: "What this agent may do",
    description:
      "The agent's grant in the approved policy: owner, scopes with kinds and targets, budget, expiry. What it does not name is refused.",
    hints: LOOKS,
    input: z.strictObject({}),
    output: z.object({
      workspace: z.string(),
      agent: z.string(),
      owner: z.string().optional(),
      scopes: z.array(z.object({ name: z.string(), kinds: z.array(z.string()), targets: z.array(z.string()) })),
      budget: z.object({ ops: z.int(), windowS: z.int() }).optional(),
      expires: z.string().optional(),
      expired: z.boolean(),
      policyCommit: z.string(),
    }),
    run: async (desk) => {
      const { scopes, ...grant } = await desk.grant();
      return { ...grant, scopes: scopes.map(({ name, kinds, targets }) => ({ name, kinds: [...kinds], targets: [...targets] })) };
    },
  }),
  defineTool({
    name: "list_targets",
    title: "What runs",
    description: "The targets of the workspace as they are now: version, health and state of each.",
    hints: LOOKS,
    input: z.strictObject({}),
    output: z.object({
      targets: z.array(z.object({ target: z.string(), version: z.int(), health: z.string(), state: jsonRecordField.optional() })),
    }),
    run: async (desk) => ({ targets: [...(await desk.knowledge.targets())] }),
  }),
  defineTool({
    name: "why",
    title: "What stands behind something",
    description:
      "Of an invariant, or of another rule that a decision made: the sentence, the decisions, the lines of code that keep it, the checks that fail when it is broken. Of a decision (adr-037): all of it. Of a part of the system: its files, and what it rests on. Of a source file: the part that it belongs to, and what it cites. Without a name: what can be asked about.",
    hints: LOOKS,
    input: z.strictObject({
      name: z.string().min(1).max(300).meta({ description: "An invariant, constraint, decision, part, or path of a file" }).optional(),
    }),
    output: z.looseObject({ kind: z.enum(["rule", "decision", "node", "file", "subjects"]) }),
    run: async ({ knowledge }, { name }) => ({ ...(name === undefined ? await knowledge.subjects() : await knowledge.why(name)) }),
  }),
  defineTool({
    name: "list_validations",
    title: "Validations",
    description: "What can be checked of the running system.",
    hints: LOOKS,
    input: z.strictObject({}),
    output: z.object({
      validations: z.array(z.object({ name: validationField, checks: z.array(z.object({ id: z.string(), what: z.string() })) })),
    }),
    run: async (desk) => ({
      validations: (await desk.validations.list()).map(({ name, checks }) => ({ name, checks: [...checks] })),
    }),
  }),
  defineTool({
    name: "run_validation",
    title: "Run a validation",
    description:
      "Looks at the running system and says of each check what it looked at, what it saw, which invariant it guards, and what to do. `unknown` means that it could not be looked at, which is never a pass.",
    hints: LOOKS,
    input: z.strictObject({ validation: validationField }),
    output: z.object({
      validation: validationField,
      workspace: z.string(),
      at: z.string(),
      verdict: verdictShape,
      complete: z.boolean(),
      checks: z.array(
        z.object({
          id: z.string(),
          invariant: z.string(),
          what: z.string(),
          verdict: verdictShape,
          lookedAt: z.string(),
          saw: z.string(),
          todo: z.string().optional(),
          tookMs: z.number(),
        }),
      ),
    }),
    run: async (desk, { validation }, { signal }) => {
      const report = await desk.validations.run(validation, signal);
      return { ...report, checks: [...report.checks] };
    },
  }),
];
