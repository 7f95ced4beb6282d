// The public names of the reflection package.
export { drawSvg } from "./drawing/svg.ts";
export { drawText } from "./drawing/terminal.ts";
export {
  findProvisioningRoot,
  type ModeCatalogue,
  type ModeEntry,
  type ModeOptions,
  type ModeSource,
  openModes,
  readMode,
} from "./modes/catalogue.ts";
export { graphProblems } from "./modes/graph.ts";
export { ACTORS, type Actor, EDGE_KINDS, type Edge, type Mode, modeSchema, type Step, stepSchema } from "./modes/schema.ts";
export { ADR_FOLDER, type AdrFile, parseAdrs, readAdrs } from "./ontology/adrs.ts";
export { decisionIndex } from "./ontology/index-page.ts";
export { ONTOLOGY_FILE, type OntologyFile, ownerOf, parseOntology, readOntology } from "./ontology/nodes.ts";
export {
  type Adr,
  adrSchema,
  type Constraint,
  type ConstraintCheck,
  type Ontology,
  type OntologyNode,
  ontologySchema,
} from "./ontology/schema.ts";
export type {
  DecisionExplanation,
  DecisionOfRule,
  Explanation,
  FileExplanation,
  GuardingCheck,
  NodeExplanation,
  RuleExplanation,
  Subjects,
} from "./ontology/why/explanation.ts";
export { type Knowledge, openKnowledge } from "./ontology/why/knowledge.ts";
export type { Citation, NamedTest } from "./ontology/why/sources.ts";
export { subjectsOf, why } from "./ontology/why/why.ts";
export {
  type LoadedPlaybook,
  modeIdOf,
  openPlaybooks,
  PLAYBOOKS_FOLDER,
  type PlaybookCatalogue,
  type PlaybookEntry,
} from "./playbooks/catalogue.ts";
export { type ParameterValues, resolveParameters } from "./playbooks/parameters.ts";
export { type Playbook, type PlaybookParameter, playbookSchema } from "./playbooks/schema.ts";
export { openRuns, type RunsOptions } from "./runs/open-runs.ts";
export type * from "./runs/types.ts";
export { readShaped, type ShapedSource } from "./shape/read-shaped.ts";
export * from "./validation/index.ts";
export { CONFIG } from "./validator/config.ts";
export { runValidator } from "./validator/main.ts";
