// A runner's access to the registry: exactly the repositories of its build, until its lease ends.
import { type BuildKey, type RegistryAccess, repoField, TriplaneError } from "@triplane/contract";
import { type Access, ALL_CRATES } from "./access.ts";
import { type Issuer, signRegistryToken } from "./registry-token.ts";

export interface RunnerAccessRequest {
  readonly leaseId: string;
  readonly repo: BuildKey["repo"];
  /** End of the lease, seconds since 1970: the token's end. */
  readonly expiresAtS: number;
  readonly nowS: number;
  /** Further repositories that the build may read, with their namespaces, e.g. `images/acme/base`. */
  readonly mayPull?: readonly string[];
}

/**
 * What the pool hands out with a lease. The token pushes `images/<repo>` and `cache/<repo>`, fills the object cache of that repository, reads crates,
 * and does nothing else.
 *
 * Throws `request_invalid` for a repository that has no such name, and for a lease that is over.
 */
export function issueRegistryAccess(issuer: Issuer, request: RunnerAccessRequest): RegistryAccess {
  if (!repoField.safeParse(request.repo).success) throw new TriplaneError("request_invalid", `${request.repo} is no repository`);
  if (request.expiresAtS <= request.nowS) throw new TriplaneError("request_invalid", `the lease ${request.leaseId} is over`);
  const access = runnerAccess(request.repo, request.mayPull ?? []);
  const token = signRegistryToken(issuer, {
    subject: request.leaseId,
    lease: request.leaseId,
    access,
    nowS: request.nowS,
    expiresAtS: request.expiresAtS,
  });
  const repositories = access.filter(({ type }) => type === "repository").map(({ name }) => name);
  return { registry: issuer.registry, token, repositories, expires_at: request.expiresAtS };
}

function runnerAccess(repo: string, mayPull: readonly string[]): Access[] {
  const own: Access[] = ["images", "cache"].map((namespace) => ({
    type: "repository",
    name: `${namespace}/${repo}`,
    actions: ["pull", "push"],
  }));
  const others = [...new Set(mayPull)].filter((name) => own.every((each) => each.name !== name));
  return [
    ...own,
    ...others.map((name): Access => ({ type: "repository", name, actions: ["pull"] })),
    { type: "sccache", name: repo, actions: ["pull", "push"] },
    { type: "crates", name: ALL_CRATES, actions: ["pull"] },
  ];
}
