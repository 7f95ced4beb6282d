// The reference pages of op kinds and of the API, made from the values that run.
import { FAILURES, isFailureCode } from "@triplane/contract";
import { EVENT_TYPES } from "./events.ts";
import { jsonSchema } from "./http/openapi.ts";
import { ROUTES, type RouteSpec } from "./http/routes.ts";
import { TOKEN_SCOPES } from "./http/tokens.ts";
import type { OpKind } from "./kind.ts";

const NOTE = "<!-- Made from the source; a test compares. Edit packages/workload/orchestrator/src, not this file. -->";

interface PropertySchema {
  readonly type?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

/** docs/reference/op-kinds.md */
export function opKindsPage(kinds: ReadonlyMap<string, OpKind>): string {
  const sections = [...kinds.values()].flatMap((kind) => [
    `## ${kind.name}`,
    "",
    kind.summary,
    "",
    kind.appliesTo === "workspace" ? "Target: `workspace`." : "Target: the name of a component instance; any name but `workspace`.",
    "",
    ...argumentTable(kind),
    "",
  ]);
  return [
    "# Op kinds",
    "",
    NOTE,
    "",
    "What an op's `op` may be, and what its `args` hold. Unknown arguments are refused (`args_invalid`), unknown kinds too (`kind_unknown`).",
    "Which kinds somebody may use, and on which targets, is for the [policy](keeper-policy.md) to say.",
    "",
    "Every kind is one file in `packages/workload/orchestrator/src/kinds/`, found by reading the folder.",
    "",
    ...sections,
    "## What every kind has in common",
    "",
    "- A target has a **version**. It grows by one when the target's state changes, and never goes back, also not by removal. An op names the version that its issuer saw; if the target is at another one, the result is the conflict `version_conflict`.",
    "- A **plan** says what applying would do now. Its digest can be signed into the op; if applying would do something else, the result is the conflict `plan_changed`.",
    "- An op that changes nothing is `applied`, and the version stays.",
    "- An op whose effect fails is `failed` with `apply_failed`; what was touched goes back to the state before, as far as that is possible, and the version stays.",
    "- Arguments end in the ledger for everybody to read: no secrets in settings.",
    "",
  ].join("\n");
}

function argumentTable(kind: OpKind): readonly string[] {
  const { properties = {}, required = [] } = jsonSchema(kind.args) as {
    readonly properties?: Readonly<Record<string, PropertySchema>>;
    readonly required?: readonly string[];
  };
  const rows = Object.entries(properties).map(
    ([name, schema]) =>
      `| \`${name}\` | ${required.includes(name) ? "yes" : "no"} | ${typeOf(schema)} | ${(schema.description ?? "").replaceAll("|", "\\|")} |`,
  );
  return rows.length === 0 ? ["No arguments."] : ["| argument | required | type | meaning |", "| --- | --- | --- | --- |", ...rows];
}

function typeOf({ type, minimum, maximum }: PropertySchema): string {
  if (type === "integer") return `integer, ${minimum} to ${maximum}`;
  return type === "object" ? "record" : (type ?? "any");
}

/** docs/reference/orchestrator-api.md */
export function apiPage(): string {
  const routes: readonly [string, RouteSpec][] = Object.entries(ROUTES);
  return [
    "# Orchestrator API",
    "",
    NOTE,
    "",
    "HTTP on loopback. The OpenAPI 3.1 document with all schemas is at `/openapi.json`; `/healthz` and `/metrics` need no token.",
    "",
    `Every caller has its own bearer token with its own scopes (${TOKEN_SCOPES.map((scope) => `\`${scope}\``).join(", ")}). The orchestrator keeps digests of tokens only. Only the ops-controller has \`apply\`.`,
    "",
    "| request | scope | answer | failures of its own |",
    "| --- | --- | --- | --- |",
    ...routes.map(
      ([, route]) => `| \`${route.method.toUpperCase()} ${route.path}\` | \`${route.scope}\` | ${route.summary} | ${codes(route)} |`,
    ),
    "",
    "Bodies are strict JSON (no key twice, integers only) of at most 64 KiB. A failure is `{code, message, hint}` with the status of the [table](../errors.md).",
    "",
    "## Applying",
    "",
    "- `jti` is the idempotency key. The first call decides; every later call with the same `jti` and `op_digest` gets the first result (`applied-once`). The same `jti` with another digest is `jti_reused`.",
    "- `fence` is the controller's fencing number. The highest one ever seen is kept; a lower one is refused with `fencing_stale` and changes nothing.",
    "- `seen` names the newest result that the caller was ever given, by its op's `jti` and its `workspace_revision`. Where the orchestrator does not have it, its database is older than what it did: `state_lost`, and nothing changes until it is rebuilt.",
    "- The answer is 200 with `status` `applied`, `failed` or `conflict` and is final, or `running`: then `GET …/ops/{jti}` or the same call again tells more. An op goes on when its caller goes away.",
    "- A failure answer (status 4xx, 5xx) means that nothing was recorded under the `jti`.",
    "- The intent is durable before the effect, the result in one commit with the new states. An op that was running in a crash is finished at the next start, under the same `jti`, once.",
    "",
    "## Leases of machines",
    "",
    "- `build_id` is the idempotency key of `spawn`. The same request again is answered 200 with the lease that it has, also when that is over; another request under the same id, such as one with another SSH key, is `build_id_taken`.",
    "- States: `creating` → `booting` → `ready` → `releasing` → `gone`, or `failed` where it never got ready or its runner was lost; `code` and `why` say what ended it where its holder did not. `host`, `port`, `user` and `host_key` are there with `ready`: pin the host key.",
    "- From `ready` on a heartbeat is due every `heartbeat_s` seconds; three that are missed end the lease (`lease_abandoned`), and so does `expires_at` whatever happens (`lease_expired`).",
    "- `DELETE` returns at once; the runner is gone when the lease is over. It may be sent again at any time.",
    "- `retry_of` names the build of which this is the one retry: refused (`retry_refused`) unless it is the first, of the same repository, target, platform and tenant, one tier above what the first run got, and not reported as anything but `oom`.",
    "- `may_pull` names images of other builds that the `registry_access` token of this one may pull. The token names nothing else but the build's own `images/` and `cache/` repositories, and ends with the lease.",
    "- Metrics: `vm_pool_runners` (by label, at the reaper's last pass), `vm_pool_orphans` (of those, beside the ones of live leases; normally 0), `vm_pool_leases` by state, `vm_pool_spawn_seconds`, `vm_pool_leases_ended_total`, `vm_pool_reaped_total`, `vm_pool_provider_failures_total`.",
    "",
    "## Events",
    "",
    "Each has `id`, `event` and `data` (`at_ms`, `target`, `data`). The last 2000 are kept. With `Last-Event-ID` the stream goes on after that event; if some are no longer kept, an event `missing` without id says how many.",
    "",
    ...EVENT_TYPES.map((type) => `- \`${type}\``),
    "",
  ].join("\n");
}

function codes(route: RouteSpec): string {
  return route.failures.map((code) => `\`${code}\` (${isFailureCode(code) ? FAILURES[code].httpStatus : ""})`).join(", ") || "none";
}
