// The scope parameter of the token protocol: `repository:images/acme/api:pull,push`, several separated by spaces or repeated.
import { TriplaneError } from "@triplane/contract";
import { ACTIONS, type Access, type Action, isRepositoryName, RESOURCE_TYPES, type ResourceType } from "./access.ts";

/** Clients ask two at once for a mount from another repository; nobody needs more than a few. */
const MAX_SCOPES = 16;
const MAX_SCOPE_CHARS = 400;

/**
 * The rights that are asked for. Types and actions that we do not know are left out, as the protocol wants it: nobody is granted them.
 * Throws `request_invalid` for what is no scope at all.
 */
export function parseScopes(values: readonly string[]): Access[] {
  const scopes = values.flatMap((value) => value.split(" ")).filter((scope) => scope !== "");
  if (scopes.length > MAX_SCOPES)
    throw new TriplaneError("request_invalid", `${scopes.length} scopes, and ${MAX_SCOPES} may be asked at once`);
  return scopes.flatMap((scope) => parseScope(scope));
}

function parseScope(scope: string): Access[] {
  const first = scope.indexOf(":");
  const last = scope.lastIndexOf(":");
  if (scope.length > MAX_SCOPE_CHARS || first <= 0 || last <= first) {
    throw new TriplaneError("request_invalid", `${JSON.stringify(scope.slice(0, 80))} is no scope: type:name:actions is`);
  }
  const type = scope.slice(0, first);
  const name = scope.slice(first + 1, last);
  const words = scope.slice(last + 1).split(",");
  if (!isResourceType(type) || !isRepositoryName(name)) return [];
  const actions = words.includes("*") ? [...ACTIONS] : ACTIONS.filter((action: Action) => words.includes(action));
  return [{ type, name, actions }];
}

function isResourceType(text: string): text is ResourceType {
  return (RESOURCE_TYPES as readonly string[]).includes(text);
}
