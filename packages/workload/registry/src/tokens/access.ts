// Who may do what: a resource, an action, and the two ways of holding rights: an exact list (tokens) and patterns (roles).
//
// 1. A token names its resources one by one, because zot compares names letter by letter; patterns exist only where tokens are made.
// 2. What is not granted is refused; there is no right that another one implies.
import { z } from "zod";
import { OCI_NAMESPACES } from "../namespaces.ts";

export const ACTIONS = ["pull", "push", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

/** `repository` is an OCI repository with its namespace (`images/acme/api`); the other two are served by the gateway and mean nothing to zot. */
export const RESOURCE_TYPES = ["repository", "sccache", "crates"] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Of `crates` there is one resource: the registry as a whole. */
export const ALL_CRATES = "registry";

const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const MAX_NAME = 255;

export function isRepositoryName(text: string): boolean {
  return text.length <= MAX_NAME && REPOSITORY.test(text);
}

/** Whether clients may reach this repository through /v2/. */
export function isOciRepository(name: string): boolean {
  const slash = name.indexOf("/");
  return slash > 0 && isRepositoryName(name) && (OCI_NAMESPACES as readonly string[]).includes(name.slice(0, slash));
}

/** One entry of a token's `access` claim, as the distribution specification has it. */
export const accessSchema = z.strictObject({
  type: z.enum(RESOURCE_TYPES),
  name: z.string().refine(isRepositoryName, "must be the name of a repository"),
  actions: z.array(z.enum(ACTIONS)).max(ACTIONS.length),
});
export type Access = z.infer<typeof accessSchema>;

/** Rights of a role: every resource of this type whose name begins with `prefix`; "" is all of them. */
export interface Grant {
  readonly type: ResourceType;
  readonly prefix: string;
  readonly actions: readonly Action[];
}

/** Whoever asks, with a way to tell what they may. */
export interface Principal {
  readonly name: string;
  allows(type: ResourceType, name: string, action: Action): boolean;
}

export function principalOfAccess(name: string, access: readonly Access[]): Principal {
  return {
    name,
    allows: (type, resource, action) =>
      access.some((each) => each.type === type && each.name === resource && each.actions.includes(action)),
  };
}

export function principalOfGrants(name: string, grants: readonly Grant[]): Principal {
  return {
    name,
    allows: (type, resource, action) =>
      grants.some((grant) => grant.type === type && resource.startsWith(grant.prefix) && grant.actions.includes(action)),
  };
}

/** What of `asked` the principal may; entries of which nothing is left are dropped. */
export function granted(principal: Principal, asked: readonly Access[]): Access[] {
  return asked.flatMap(({ type, name, actions }) => {
    // A token for anything but these repositories could reach, at zot itself, what the gateway keeps to itself.
    if (type === "repository" && !isOciRepository(name)) return [];
    const left = ACTIONS.filter((action) => actions.includes(action) && principal.allows(type, name, action));
    return left.length === 0 ? [] : [{ type, name, actions: left }];
  });
}
