// The schemas of the ontology and of decisions. The Nickel contracts in provisioning/schemas/lib/{ontology,adr}.ncl are generated from them.
import { INVARIANTS } from "@triplane/contract";
import { z } from "zod";

const textField = z.string().min(1).max(20_000).regex(/\S/, "must say something");
const nodeIdField = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "must be 1 to 64 lower-case letters, digits and inner hyphens");
const adrIdField = z.string().regex(/^adr-[0-9]{3}$/, "must be like adr-037");
// Text and no enumeration, which in Nickel would be a tag.
const invariantField = z.string().regex(new RegExp(`^(?:${Object.keys(INVARIANTS).join("|")})$`), "must be the id of an invariant");
// Without look-around, which Nickel's regular expressions lack.
const PATH_NAME = "(?:[^/\\\\.][^/\\\\]*|\\.[^/\\\\.][^/\\\\]*|\\.\\.[^/\\\\]+)";
const pathField = z
  .string()
  .min(1)
  .max(300)
  .regex(
    new RegExp(`^${PATH_NAME}(?:/${PATH_NAME})*$`, "u"),
    "must be a path from the root of the repository, without . or .. and without a slash at an end",
  );

/** A part of the system, and the files that it is made of. */
const nodeSchema = z.strictObject({
  id: nodeIdField,
  description: textField,
  /** Files and folders from the root of the repository; a folder stands for all in it that no other node lists. */
  artifact_paths: z.array(pathField).min(1).max(500),
  invariants: z.array(invariantField).max(100).default([]),
  adrs: z.array(adrIdField).max(100).default([]),
  /** Nodes that it cannot be without. */
  rests_on: z.array(nodeIdField).max(50).default([]),
});

export const ontologySchema = z.strictObject({ nodes: z.array(nodeSchema).min(1).max(1000) });

export const CHECK_KINDS = ["Test", "Validation", "Checker", "Tidy", "Schema"] as const;

/** What enforces a constraint. */
const checkSchema = z.strictObject({
  kind: z.enum(CHECK_KINDS),
  /** Test, Schema: a file's path. Validation: a check's id. Checker: an invariant's id. Tidy: a rule's name. */
  ref: z.string().min(1).max(300),
  /** Test: words of the title of the test that fails when the rule is broken. Absent: the constraint's id. */
  title: z.string().min(1).max(300).optional(),
});

/** A rule that a decision makes, and the checks that enforce it. */
const constraintSchema = z.strictObject({
  /** An invariant's id where the rule is one. */
  id: nodeIdField,
  rule: textField,
  checks: z.array(checkSchema).min(1).max(50),
});

export const PLANES = ["Workload", "Ci", "Signing"] as const;

export const adrSchema = z.strictObject({
  id: adrIdField,
  /** States the decision. */
  title: textField,
  date: z.string().regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, "must be a date like 2026-11-22"),
  status: z.enum(["Proposed", "Accepted", "Superseded"]),
  superseded_by: adrIdField.optional(),
  planes: z.array(z.enum(PLANES)).max(3).default([]),
  /** Decisions that it changes in part. */
  updates: z.array(adrIdField).max(50).default([]),
  context: textField,
  decision: textField,
  /** Each with the reason why it was not taken. */
  alternatives: z.array(textField).max(50).default([]),
  consequences: textField,
  constraints: z.array(constraintSchema).max(50).default([]),
});

export type Ontology = z.output<typeof ontologySchema>;
export type OntologyNode = Ontology["nodes"][number];
export type Adr = z.output<typeof adrSchema>;
export type Constraint = z.output<typeof constraintSchema>;
export type ConstraintCheck = z.output<typeof checkSchema>;
