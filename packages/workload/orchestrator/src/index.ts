// The public names of the orchestrator.
export { type ComponentDefinition, componentDefinitionSchema } from "./catalog/definition.ts";
export { type DesiredState, desiredStateSchema, parseDesiredState } from "./desired-schema.ts";
export { openApiDocument } from "./http/openapi.ts";
export { type IssuedToken, newToken, renderTokensFile, TOKEN_SCOPES, type TokenScope } from "./http/tokens.ts";
export { CONFIG, runOrchestrator } from "./main.ts";
export { WORKSPACE_TARGET } from "./model.ts";
