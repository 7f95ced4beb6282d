// The three repositories of a workspace before they are made: names, who decides in each, and how many of them it takes.
// The Nickel contract in provisioning/schemas/lib/radicle.ncl is generated from the schema.
import { type Did, didField, PRINCIPAL_PATTERN, TriplaneError } from "@triplane/contract";
import { z } from "zod";

/** As many as Radicle allows. */
const MAX_DELEGATES = 255;

const repositoryFields = {
  name: z
    .string()
    .max(100)
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, "must be lower-case letters, digits and inner hyphens"),
  description: z.string().min(1).max(255),
};

/** Policy and desired state: M of N operators. */
const governedSchema = z.strictObject({
  ...repositoryFields,
  delegates: z.array(didField).min(1).max(MAX_DELEGATES).describe("Operators' keys; of these, `threshold` have to sign the same commit."),
  threshold: z.int().min(1).max(MAX_DELEGATES).describe("At least 2, except in a workspace of a single operator."),
});

/** The ledger: one writer. `state-repo-single-delegate` */
const ledgerSchema = z.strictObject({
  ...repositoryFields,
  delegates: z.array(didField).length(1).describe("The ops-controller's key and no other (state-repo-single-delegate)."),
  threshold: z.literal(1),
});

export const repositoriesSchema = z.strictObject({
  workspace: z.string().regex(PRINCIPAL_PATTERN, "must be a workspace's name"),
  /** One person alone decides; asked for by name, never a default. */
  single_operator: z.boolean().default(false),
  policy: governedSchema,
  desired: governedSchema,
  state: ledgerSchema,
});

export type PlannedRepositories = z.output<typeof repositoriesSchema>;
export type PlannedRepository = PlannedRepositories["policy" | "desired" | "state"];

export interface Seats {
  readonly workspace: string;
  readonly operators: readonly Did[];
  readonly controller: Did;
  /** Operators that have to approve a commit of the policy or of the desired state. */
  readonly threshold: number;
  readonly singleOperator?: boolean;
}

/** The repositories of a new workspace. Throws `config_invalid` with every problem: a board of one, a key in two seats, a threshold nobody reaches. */
export function planRepositories({ workspace, operators, controller, threshold, singleOperator = false }: Seats): PlannedRepositories {
  const governed = { delegates: [...operators], threshold };
  const plan = {
    workspace,
    single_operator: singleOperator,
    policy: { name: `policy-${workspace}`, description: `Keeper policy of ${workspace}`, ...governed },
    desired: { name: `${workspace}-desired`, description: `Desired state of ${workspace}`, ...governed },
    state: { name: `${workspace}-state`, description: `Audit ledger of ${workspace}`, delegates: [controller], threshold: 1 },
  };
  const parsed = repositoriesSchema.safeParse(plan);
  const problems = parsed.success
    ? findConflicts(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  if (!parsed.success || problems.length > 0)
    throw new TriplaneError("config_invalid", `the repositories of ${workspace}: ${problems.join("; ")}`, { details: { problems } });
  return parsed.data;
}

/** What a shape cannot say. */
export function findConflicts(plan: PlannedRepositories): readonly string[] {
  const problems: string[] = [];
  for (const name of ["policy", "desired"] as const) {
    const { delegates, threshold } = plan[name];
    if (new Set(delegates).size !== delegates.length) problems.push(`${name}.delegates: a key is there twice`);
    if (threshold > delegates.length) problems.push(`${name}.threshold: ${threshold} of ${delegates.length} cannot be reached`);
    if (threshold < 2 && !plan.single_operator) problems.push(`${name}.threshold: one person alone would decide`);
    if (delegates.some((did) => plan.state.delegates.includes(did)))
      problems.push(`${name}.delegates: the ops-controller's key decides nothing`);
  }
  return problems;
}
