// validate-build-infrastructure: the golden image, the registry, the catalogue, and runners that nobody holds. Judgement only.
import { check, counted, fail, type Judged, listed, pass, type Source } from "../source.ts";

export interface GoldenFacts {
  readonly provider: string;
  readonly platform: string;
  /** From then on a new one is due, and no runner is made from it; seconds. */
  readonly limits: { readonly warnAfterS: number; readonly refuseAfterS: number };
  /** Undefined where no image is current. */
  readonly current: { readonly id: string; readonly version: string | undefined; readonly createdAtS: number } | undefined;
}

export interface RegistryFacts {
  /** Of GET /v2/ without a token. */
  readonly status: number;
}

export interface CatalogFacts {
  readonly components: readonly string[];
  /** The component of runners, or why it does not read; undefined where there is none. */
  readonly runner: { readonly version: string } | { readonly problem: string } | undefined;
}

export interface RunnerFacts {
  readonly provider: string;
  readonly pool: string;
  /** The provider's own list. */
  readonly servers: readonly {
    readonly id: string;
    readonly name: string;
    readonly lease: string | undefined;
    readonly createdAtS: number;
  }[];
  /** Ids of leases that were not over before or after the list was made. */
  readonly leases: readonly string[];
}

/** The folder in the catalogue that describes what builds run on. */
export const RUNNER_COMPONENT = "buildkit-runner";

interface HasBuilds {
  readonly golden: Source<GoldenFacts>;
  readonly registry: Source<RegistryFacts>;
  readonly catalog: Source<CatalogFacts>;
  readonly runners: Source<RunnerFacts>;
  nowS(): number;
}

const DAY_S = 86_400;

function days(seconds: number): string {
  return `${(seconds / DAY_S).toFixed(1)} days`;
}

function judgeGolden({ current, limits, provider, platform }: GoldenFacts, nowS: number): Judged {
  const todo = `\`triplane golden build --provider ${provider}\` makes a new one, proves it on a canary and makes it current.`;
  if (current === undefined) return fail(`no image for ${platform} is current: the pool makes no runner`, todo);
  const ageS = Math.max(0, nowS - current.createdAtS);
  const saw = `${current.version ?? current.id} for ${platform}, ${days(ageS)} old`;
  if (ageS > limits.refuseAfterS) return fail(`${saw}, more than ${days(limits.refuseAfterS)}: the pool makes no runner from it`, todo);
  return ageS > limits.warnAfterS ? { ...pass(`${saw}, more than ${days(limits.warnAfterS)}: a new one is due`), todo } : pass(saw);
}

function judgeRegistry({ status }: RegistryFacts): Judged {
  if (status === 401) return pass("it answers, and asks strangers for a token (401)");
  if (status === 200)
    return fail("it serves whoever asks, without a token", "Reach it only through registry-gateway; see docs/how-to/use-the-registry.md.");
  if (status === 0) return fail("it does not answer", "Start registry-gateway, or correct its address in validation.json.");
  return fail(`it answers ${status} to GET /v2/`, "Look at the logs of registry-gateway and of zot behind it.");
}

function judgeCatalog({ components, runner }: CatalogFacts): Judged {
  const todo = `Put ${RUNNER_COMPONENT}/component.ncl back into the catalogue.`;
  if (runner === undefined) return fail(`${counted(components.length, "component")}, and none is ${RUNNER_COMPONENT}`, todo);
  return "problem" in runner
    ? fail(`${RUNNER_COMPONENT} does not read: ${runner.problem}`, todo)
    : pass(`${RUNNER_COMPONENT} ${runner.version}, one of ${counted(components.length, "component")}`);
}

function judgeRunners({ servers, leases, provider, pool }: RunnerFacts, nowS: number): Judged {
  const held = new Set(leases);
  const leaked = servers.filter(({ lease, name }) => !held.has(lease ?? name));
  const saw = `${counted(servers.length, "runner")} at ${provider} in the pool ${pool}, ${counted(held.size, "live lease")}`;
  if (leaked.length === 0) return pass(`${saw}, none left over`);
  const named = leaked.map(({ name, id, createdAtS }) => `${name} (${id}, since ${Math.max(0, Math.round((nowS - createdAtS) / 60))} min)`);
  return fail(
    `${saw}; without a lease: ${listed(named)}`,
    "The pool's reaper destroys it within its grace. If it stays, look at the orchestrator's log, and destroy it by hand: it costs money and holds a key.",
  );
}

export const BUILD_INFRASTRUCTURE_CHECKS = [
  check({
    ...{ id: "golden-image-fresh", invariant: "no-fail-open" },
    what: "Runners are made from a golden image that is not older than 14 days; a new one is due after 7.",
    source: ({ golden }: HasBuilds) => golden,
    judge: judgeGolden,
  }),
  check({
    ...{ id: "registry-reachable", invariant: "no-fail-open" },
    what: "The registry answers, and asks strangers for a token.",
    source: ({ registry }: HasBuilds) => registry,
    judge: judgeRegistry,
  }),
  check({
    ...{ id: "runner-component-registered", invariant: "controller-touches-orchestrator-only" },
    what: "What builds run on is a component of the catalogue, and is changed by ops like every other.",
    source: ({ catalog }: HasBuilds) => catalog,
    judge: judgeCatalog,
  }),
  check({
    ...{ id: "no-leaked-runner", invariant: "runner-always-destroyed" },
    what: "Every machine that the provider lists for the pool belongs to a lease that is not over.",
    source: ({ runners }: HasBuilds) => runners,
    judge: judgeRunners,
  }),
] as const;
