// The Nickel contracts in provisioning/schemas/lib, as values: each from the one schema in TypeScript that the code itself uses.
import { buildSpecSchema } from "@triplane/buildkit-launcher";
import { admissionClaimsSchema, approvalClaimsSchema, auditClaimsSchema, opClaimsSchema, refusalClaimsSchema } from "@triplane/contract";
import { repositoriesSchema } from "@triplane/governance";
import { renderContracts, type Shape, type Words } from "@triplane/nickel";
import { buildkitRunnerSchema, componentDefinitionSchema } from "@triplane/orchestrator";
import { policySchema } from "@triplane/policy";
import { adrSchema, modeSchema, ontologySchema, playbookSchema } from "@triplane/reflection";
import type { z } from "zod";
import { shapeOf } from "./shape-of.ts";
import { streamFields } from "./streams.ts";

export const SCHEMA_FOLDER = "provisioning/schemas/lib";

export interface SchemaFile {
  /** In `provisioning/schemas/lib`. */
  readonly file: string;
  /** What it is about, in one sentence. */
  readonly what: string;
  /** Where the schema is. */
  readonly source: string;
  /** By the contract's name. */
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  readonly words: Words;
  /** A file to which the first contract applies, from the root of the repository. */
  readonly example: string;
  /** What the code checks and a shape cannot say. */
  readonly beyond: readonly string[];
  readonly more?: () => string;
}

export const SCHEMA_FILES: readonly SchemaFile[] = [
  {
    file: "ops_contract.ncl",
    what: "What the planes say to one another: claims of ops, approvals, admissions, refusals and audit records, and the streams that carry them.",
    source: "packages/contract/src/objects/",
    schemas: {
      OpClaims: opClaimsSchema,
      ApprovalClaims: approvalClaimsSchema,
      AdmissionClaims: admissionClaimsSchema,
      RefusalClaims: refusalClaimsSchema,
      AuditClaims: auditClaimsSchema,
    },
    words: "strings",
    example: "test/schemas/corpus/ops_contract/good/op.ncl",
    beyond: [
      "signatures, and that `iss` is the signer",
      "that times, digests and sequence numbers fit together",
      "that a did:key is a point of the curve",
    ],
    more: streamFields,
  },
  {
    file: "keeper_policy.ncl",
    what: "A keeper policy: who may do what, and who has to agree.",
    source: "packages/policy/src/schema.ts",
    schemas: { PolicyDef: policySchema },
    words: "tags",
    example: "provisioning/workspaces/libre-wuji/keeper_policy.ncl",
    beyond: [
      "functions, which a policy may not have (policy-files-are-declarative-only)",
      "names that lead nowhere, quorums that nobody can meet, windows and zones",
    ],
  },
  {
    file: "radicle.ncl",
    what: "The three repositories of a workspace, who decides in each, and how many of them it takes.",
    source: "packages/governance/src/plan-repositories.ts",
    schemas: { Repositories: repositoriesSchema },
    words: "tags",
    example: "test/schemas/corpus/radicle/good/board.ncl",
    beyond: ["a threshold that the delegates cannot reach, or of one where `single_operator` is not said", "a key in two seats"],
  },
  {
    file: "component.ncl",
    what: "A component of the catalogue: a program or a settings file that ops deploy.",
    source: "packages/workload/orchestrator/src/catalog/definition.ts",
    schemas: { Component: componentDefinitionSchema },
    words: "tags",
    example: "provisioning/catalog/components/web/component.ncl",
    beyond: ["placeholders, ports and settings that the command names", "a default outside its own limits", "a secret in a settings file"],
  },
  {
    file: "buildkit_runner.ncl",
    what: "The component that builds run on: how large a runner may be, and how long it may live.",
    source: "packages/workload/orchestrator/src/catalog/buildkit-runner.ts",
    schemas: { BuildkitRunner: buildkitRunnerSchema },
    words: "tags",
    example: "provisioning/catalog/components/buildkit-runner/component.ncl",
    beyond: ["a default outside its own limits"],
  },
  {
    file: "build_spec.ncl",
    what: "`.build-spec.ncl` at the root of a build's context: how large its runner is.",
    source: "packages/ci/buildkit-launcher/src/plan/size.ts",
    schemas: { BuildSpec: buildSpecSchema },
    words: "either",
    example: "test/schemas/corpus/build_spec/good/memory.ncl",
    beyond: ["memory that no tier has, or more than `tier` has"],
  },
  {
    file: "mode.ncl",
    what: "A mode: a graph of steps.",
    source: "packages/reflection/src/modes/schema.ts",
    schemas: { Mode: modeSchema },
    words: "tags",
    example: "provisioning/reflection/modes/ops-radicle-build-info.ncl",
    beyond: ["steps that are not there, twice there, or wait for one another in a circle"],
  },
  {
    file: "playbook.ncl",
    what: "A playbook: a mode with parameters and a dry run.",
    source: "packages/reflection/src/playbooks/schema.ts",
    schemas: { Playbook: playbookSchema },
    words: "tags",
    example: "test/schemas/corpus/playbook/good/small.ncl",
    beyond: ["the graph of its steps", "parameters whose default, choices and pattern do not fit", "scripts that are not in its folder"],
  },
  {
    file: "ontology.ncl",
    what: "What the system consists of: nodes and the files that they are made of.",
    source: "packages/reflection/src/ontology/schema.ts",
    schemas: { Ontology: ontologySchema },
    words: "tags",
    example: "provisioning/.ontology/core.ncl",
    beyond: ["paths and nodes that are not there"],
  },
  {
    file: "adr.ncl",
    what: "A decision: context, decision, consequences, and the checks that enforce it.",
    source: "packages/reflection/src/ontology/schema.ts",
    schemas: { Adr: adrSchema },
    words: "tags",
    example: "provisioning/adrs/adr-037-ops-contract-dual-mode.ncl",
    beyond: ["decisions and checks that are not there"],
  },
];

/** The contracts' shapes by name. */
export function shapesOf({ schemas }: SchemaFile): Readonly<Record<string, Shape>> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, shapeOf(schema)]));
}

/** The text of a file of contracts. */
export function renderSchemaFile(schema: SchemaFile): string {
  const [first = ""] = Object.keys(schema.schemas);
  return renderContracts({
    head: [
      schema.what,
      "",
      `  let { ${first} } = import "schemas/lib/${schema.file}" in (import "file.ncl") | ${first}`,
      "",
      `Generated from ${schema.source} by \`npm run docs\`; do not edit. Not said here, and checked by the code: ${schema.beyond.join("; ")}.`,
    ],
    contracts: shapesOf(schema),
    words: schema.words,
    ...(schema.more === undefined ? {} : { more: schema.more() }),
  });
}
