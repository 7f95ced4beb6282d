// The public names of the orchestrator.

export { loadKinds } from "./adapters/kinds-folder.ts";
export { buildkitRunnerSchema, RUNNER_COMPONENT } from "./catalog/buildkit-runner.ts";
export type { Catalog } from "./catalog/catalog.ts";
export { type ComponentDefinition, componentDefinitionSchema } from "./catalog/definition.ts";
export { type DesiredState, desiredStateSchema, parseDesiredState } from "./desired-schema.ts";
export type { Driver } from "./drivers/driver.ts";
export { openApiDocument } from "./http/openapi.ts";
export { type IssuedToken, newToken, renderTokensFile, TOKEN_SCOPES, type TokenScope, withoutToken, withToken } from "./http/tokens.ts";
export type { OpKind } from "./kind.ts";
export { CONFIG, runOrchestrator } from "./main.ts";
export { WORKSPACE_TARGET } from "./model.ts";
export { MIGRATIONS, Records } from "./records.ts";
export { openOrchestratorDatabase, planningFor } from "./replay/open.ts";
export { type RebuildReport, rebuildDatabase, storedStateHash } from "./replay/rebuild.ts";
export { databaseStanding } from "./replay/standing.ts";
export { OrchestratorService } from "./service.ts";
