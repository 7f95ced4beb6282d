// validate-observability: daemons that can be watched, and a stack that watches them. Judgement only.
import { check, counted, fail, type Judged, leftTo, listed, pass, type Source } from "../source.ts";

export interface WatchedDaemon {
  readonly name: string;
  /** Of its /healthz and /metrics: `host:port`. */
  readonly address: string;
}

export interface DaemonFacts {
  readonly daemons: readonly (WatchedDaemon & {
    /** Of /healthz; undefined where nobody answers. */
    readonly healthStatus: number | undefined;
    /** Of /metrics: how many series of ours are on it, and as whom it speaks. */
    readonly series: number;
    readonly names: readonly string[];
  })[];
}

export interface ScrapeTarget {
  readonly job: string;
  readonly scrapeUrl: string;
  readonly health: string;
  readonly lastError: string;
}

export interface ScrapeFacts {
  readonly ready: boolean;
  readonly targets: readonly ScrapeTarget[];
  /** What has to be scraped. */
  readonly daemons: readonly WatchedDaemon[];
}

/** What a part of the stack answers on its health address. */
export interface PartFacts {
  readonly status: number;
  readonly body: string;
}

interface HasStack {
  readonly daemons: Source<DaemonFacts>;
  readonly prometheus: Source<ScrapeFacts>;
  readonly loki: Source<PartFacts>;
  readonly grafana: Source<PartFacts>;
  readonly vector: Source<PartFacts>;
  nowS(): number;
}

const CONTROLLER = "ops-controller";

/** By address, else by the job's name: Prometheus may reach a daemon otherwise than we do. */
function targetsOf({ address, name }: WatchedDaemon, targets: readonly ScrapeTarget[]): readonly ScrapeTarget[] {
  const here = targets.filter(({ scrapeUrl }) => URL.canParse(scrapeUrl) && new URL(scrapeUrl).host === address);
  return here.length > 0 ? here : targets.filter(({ job }) => job === name);
}

function scrapeProblem(daemon: WatchedDaemon, targets: readonly ScrapeTarget[]): string | undefined {
  const own = targetsOf(daemon, targets);
  if (own.length === 0) return `${daemon.name}: no target at ${daemon.address}`;
  const dead = own.find(({ health }) => health !== "up");
  return dead === undefined ? undefined : `${daemon.name}: ${dead.health}${dead.lastError === "" ? "" : `, ${dead.lastError}`}`;
}

function judgeScrapes({ ready, targets, daemons }: ScrapeFacts, which: (daemon: WatchedDaemon) => boolean): Judged {
  if (!ready) return leftTo("prometheus-ready", "Prometheus is not ready");
  const wanted = daemons.filter(which);
  const problems = wanted.flatMap((daemon) => scrapeProblem(daemon, targets) ?? []);
  return problems.length === 0
    ? pass(`${counted(wanted.length, "daemon")} scraped, ${counted(targets.length, "target")} in all`)
    : fail(
        listed(problems),
        "Look at Status → Targets in Prometheus, then at the daemon's own /metrics and at the address in deploy/observability.",
      );
}

function judgeDaemons({ daemons }: DaemonFacts): Judged {
  const problems = daemons.flatMap(({ name, address, healthStatus, series, names }) => {
    if (healthStatus === undefined) return [`${name}: nobody answers at ${address}`];
    if (series === 0) return [`${name}: no metrics at ${address}`];
    // A program is named after what it is, `keeper-daemon`, its metrics after what it does, `keeper`.
    return names.some((spoken) => name === spoken || name.startsWith(`${spoken}-`))
      ? []
      : [`${name}: ${address} speaks as ${names.join(", ") || "nobody"}`];
  });
  const series = daemons.reduce((sum, daemon) => sum + daemon.series, 0);
  return problems.length === 0
    ? pass(`${counted(daemons.length, "daemon")} with ${counted(series, "series", "series")}`)
    : fail(listed(problems), "`triplane status` shows what runs, and `triplane up` starts what does not.");
}

/** A part of the stack that says of itself that it is well. */
function judgePart({ status, body }: PartFacts, isWell: (body: string) => boolean, part: string): Judged {
  const said = body.trim().replaceAll(/\s+/g, " ").slice(0, 120);
  return status === 200 && isWell(body)
    ? pass(`200 ${said}`)
    : fail(status === 0 ? said : `${status} ${said}`, `Look at the log of ${part}; what it keeps is missing from then on.`);
}

function saysDatabaseOk(body: string): boolean {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null && "database" in answer && answer.database === "ok";
  } catch {
    return false;
  }
}

export const OBSERVABILITY_CHECKS = [
  check({
    ...{ id: "daemons-export-metrics", invariant: "every-command-lands" },
    what: "Every daemon answers on its health port, and exports metrics under its own name.",
    source: ({ daemons }: HasStack) => daemons,
    judge: judgeDaemons,
  }),
  check({
    ...{ id: "prometheus-ready", invariant: "every-command-lands" },
    what: "Prometheus answers queries.",
    source: ({ prometheus }: HasStack) => prometheus,
    judge: ({ ready, targets }: ScrapeFacts) =>
      ready
        ? pass(`ready, ${counted(targets.length, "target")}`)
        : fail("it is not ready", "Look at its log: it may be reading its write-ahead log."),
  }),
  check({
    ...{ id: "prometheus-scrapes-controller", invariant: "every-command-lands" },
    what: "Prometheus scrapes the ops-controller: the count of commands that never landed comes from there.",
    source: ({ prometheus }: HasStack) => prometheus,
    judge: (facts: ScrapeFacts) => judgeScrapes(facts, ({ name }) => name === CONTROLLER),
  }),
  check({
    ...{ id: "prometheus-scrapes-daemons", invariant: "every-command-lands" },
    what: "Prometheus scrapes every other daemon.",
    source: ({ prometheus }: HasStack) => prometheus,
    judge: (facts: ScrapeFacts) => judgeScrapes(facts, ({ name }) => name !== CONTROLLER),
  }),
  check({
    ...{ id: "loki-ready", invariant: "every-command-lands" },
    what: "Loki takes logs.",
    source: ({ loki }: HasStack) => loki,
    judge: (facts: PartFacts) => judgePart(facts, (body) => body.includes("ready"), "Loki"),
  }),
  check({
    ...{ id: "grafana-healthy", invariant: "every-command-lands" },
    what: "Grafana answers, and its database is well.",
    source: ({ grafana }: HasStack) => grafana,
    judge: (facts: PartFacts) => judgePart(facts, saysDatabaseOk, "Grafana"),
  }),
  check({
    ...{ id: "vector-healthy", invariant: "every-command-lands" },
    what: "Vector, which carries logs to Loki, is well.",
    source: ({ vector }: HasStack) => vector,
    judge: (facts: PartFacts) => judgePart(facts, () => true, "Vector"),
  }),
] as const;
