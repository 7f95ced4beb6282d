// What a request to /v2/ is about: its repository and the rights that it needs. A path that is not one of the specification's is not passed on.
import { type Access, type Action, isOciRepository } from "../tokens/access.ts";

export interface Needed {
  readonly repository: string;
  readonly action: Action;
}

export type OciRequest =
  | { readonly kind: "base" }
  /** `needs` is what we ask of the client's token; `behind` is what a registry asks of ours: it judges by the method alone. */
  | {
      readonly kind: "repository";
      readonly repository: string;
      readonly what: OciWhat;
      readonly needs: readonly Needed[];
      readonly behind: readonly Access[];
    }
  | { readonly kind: "unknown" };

export type OciWhat = "tags" | "manifest" | "blob" | "upload" | "referrers";

const REFERENCE = `(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128}))`;
const DIGEST = `sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})`;
// Not one character more than the specification has: no percent, no backslash, no dot as a segment.
const ROUTES: readonly { readonly what: OciWhat; readonly pattern: RegExp; readonly methods: Readonly<Record<string, Action>> }[] = [
  { what: "tags", pattern: /^\/v2\/([a-z0-9._/-]+)\/tags\/list$/, methods: { GET: "pull" } },
  {
    what: "manifest",
    pattern: new RegExp(`^/v2/([a-z0-9._/-]+)/manifests/${REFERENCE}$`),
    methods: { GET: "pull", HEAD: "pull", PUT: "push", DELETE: "delete" },
  },
  {
    what: "blob",
    pattern: new RegExp(`^/v2/([a-z0-9._/-]+)/blobs/${DIGEST}$`),
    methods: { GET: "pull", HEAD: "pull", DELETE: "delete" },
  },
  // An upload belongs to whoever pushes: its state and its end as well.
  {
    what: "upload",
    pattern: /^\/v2\/([a-z0-9._/-]+)\/blobs\/uploads\/(?:[A-Za-z0-9_=-]{1,512})?$/,
    methods: { POST: "push", PATCH: "push", PUT: "push", GET: "push", DELETE: "push" },
  },
  { what: "referrers", pattern: new RegExp(`^/v2/([a-z0-9._/-]+)/referrers/${DIGEST}$`), methods: { GET: "pull" } },
];

const WRITING: readonly Action[] = ["pull", "push"];
const BEHIND: Readonly<Record<string, readonly Action[]>> = {
  ...{ GET: ["pull"], HEAD: ["pull"], DELETE: ["delete"] },
  ...{ POST: WRITING, PATCH: WRITING, PUT: WRITING },
};

/** Reads method, path and query of a request; the path as it came, not decoded. */
export function readOciRequest(method: string, path: string, query: URLSearchParams): OciRequest {
  if (path === "/v2/" || path === "/v2") return method === "GET" || method === "HEAD" ? { kind: "base" } : { kind: "unknown" };
  for (const { what, pattern, methods } of ROUTES) {
    const repository = pattern.exec(path)?.[1];
    if (repository === undefined) continue;
    const action = Object.hasOwn(methods, method) ? methods[method] : undefined;
    const forMethod = Object.hasOwn(BEHIND, method) ? BEHIND[method] : undefined;
    if (action === undefined || forMethod === undefined || !isOciRepository(repository)) return { kind: "unknown" };
    const needs: Needed[] = [{ repository, action }];
    // zot asks only for the repository in the path: without this, who may push anywhere could mount, and so read, any blob of the store.
    const from = what === "upload" ? query.getAll("from") : [];
    if (!from.every(isOciRepository)) return { kind: "unknown" };
    needs.push(...from.map((repository): Needed => ({ repository, action: "pull" })));
    const behind: Access[] = [{ type: "repository", name: repository, actions: [...forMethod] }];
    behind.push(...from.map((name): Access => ({ type: "repository", name, actions: ["pull"] })));
    return { kind: "repository", repository, what, needs, behind };
  }
  return { kind: "unknown" };
}
