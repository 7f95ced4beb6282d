// The run of a build against a pool and runners that answer as told: what is retried, what is given back, what is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BuildMetrics,
  type Lease,
  leaseSchema,
  type SpawnRequest,
  spawnRequestSchema,
  type Tier,
  TriplaneError,
} from "@triplane/contract";
import { manualClock } from "@triplane/testkit";
import { classify } from "./classify.ts";
import type { BuildctlEnd, PoolClient, Runner, RunPorts } from "./ports.ts";
import { type RunReport, runBuild } from "./run-build.ts";

const BUILT: BuildctlEnd = {
  exitCode: 0,
  errorText: "",
  imageDigest: `sha256:${"1".repeat(64)}`,
  steps: 4,
  cachedSteps: 3,
  pushSeconds: 1,
  cacheSeconds: 2,
};
const FAILED: BuildctlEnd = { ...BUILT, exitCode: 1, errorText: "did not complete successfully: exit code: 1", imageDigest: undefined };

type LeaseWord = Pick<Lease, "state" | "code" | "why">;
const STANDS: LeaseWord = { state: "ready" };
const EXPIRED: LeaseWord = { state: "releasing", code: "lease_expired", why: "its time of 600 s is over" };

interface Script {
  /** One for each run. */
  readonly ends?: readonly BuildctlEnd[];
  /** Kills that the kernel counted during each run; undefined where it cannot be read. */
  readonly kills?: readonly (number | undefined)[];
  readonly tier?: Tier;
  /** What the pool gives where it does not have what was asked for. */
  readonly got?: Tier;
  readonly spawn?: (calls: number) => "created" | "there" | TriplaneError;
  readonly states?: readonly Lease["state"][];
  /** What the pool says where it is asked whether the lease still stands, at each try. */
  readonly asked?: (calls: number) => LeaseWord | TriplaneError;
  /** The first heartbeat is answered at once, with this, and the build goes on until it is stopped; else none is due before the end. */
  readonly heartbeat?: LeaseWord;
  readonly connect?: TriplaneError;
  readonly context?: (calls: number) => TriplaneError | undefined;
  readonly release?: (calls: number) => TriplaneError | undefined;
  /** Called at every step; the stop signal is given where it answers true. */
  readonly stopAt?: string;
  readonly listed?: boolean;
}

interface Played {
  readonly reports: readonly RunReport[];
  readonly calls: string[];
  readonly metrics: BuildMetrics[];
  readonly notes: readonly string[];
}

async function play(script: Script): Promise<Played> {
  const clock = manualClock();
  const stopping = new AbortController();
  const calls: string[] = [];
  const metrics: BuildMetrics[] = [];
  const made: SpawnRequest[] = [];
  const notes: string[] = [];
  const counts = { spawn: 0, context: 0, release: 0, lease: 0, asked: 0 };
  const step = (name: string): void => {
    calls.push(name);
    if (script.stopAt === name) stopping.abort();
  };
  const leaseOf = (request: SpawnRequest, state: Lease["state"], word: Partial<LeaseWord> = {}): Lease =>
    leaseSchema.parse({
      ...word,
      lease_id: `lease-${String(made.length).padStart(32, "0")}`,
      build_id: request.build_id,
      state,
      repo: request.repo,
      target: request.target,
      platform: request.platform,
      tenant: request.tenant,
      tier: script.got ?? request.tier,
      provider: "fake",
      created_at: Math.floor(clock.nowMs() / 1000),
      expires_at: Math.floor(clock.nowMs() / 1000) + 600,
      heartbeat_s: script.heartbeat === undefined ? 3600 : 1,
      cost_cents: 1,
    });
  const last = (): SpawnRequest => made.at(-1) as SpawnRequest;
  const pool: PoolClient = {
    spawn: async (request) => {
      counts.spawn += 1;
      made.push(spawnRequestSchema.parse(request));
      step(`spawn ${request.tier}`);
      const answer = script.spawn?.(counts.spawn) ?? "created";
      if (answer instanceof TriplaneError) throw answer;
      return { lease: leaseOf(last(), "creating"), created: answer === "created" };
    },
    lease: async (_id, withinMs) => {
      if (withinMs !== undefined) {
        counts.asked += 1;
        step("ask");
        const word = script.asked?.(counts.asked) ?? STANDS;
        if (word instanceof TriplaneError) throw word;
        return leaseOf(last(), word.state, word);
      }
      step("lease");
      const states = script.states ?? ["booting", "ready"];
      const state = states[Math.min(counts.lease, states.length - 1)] ?? "ready";
      counts.lease += 1;
      return leaseOf(last(), state);
    },
    heartbeat: async () => leaseOf(last(), script.heartbeat?.state ?? "ready", script.heartbeat),
    release: async () => {
      counts.release += 1;
      step("release");
      const failure = script.release?.(counts.release);
      if (failure !== undefined) throw failure;
      return leaseOf(last(), "gone");
    },
    leases: async () => ({ leases: script.listed === true ? [leaseOf(last(), "booting")] : [], orphans: 0 }),
    report: async (told) => {
      calls.push("report");
      metrics.push(told);
    },
  };
  let runs = 0;
  const runner = (run: number): Runner => {
    let asked = 0;
    return {
      sendContext: async () => {
        counts.context += 1;
        step("context");
        const failure = script.context?.(counts.context);
        if (failure !== undefined) throw failure;
      },
      build: async (signal) => {
        step("build");
        if (script.heartbeat !== undefined) {
          while (!signal.aborted) await new Promise((resolve) => setImmediate(resolve));
          throw new TriplaneError("build_cancelled", "ssh was stopped");
        }
        clock.advance(10_000);
        return script.ends?.[run] ?? BUILT;
      },
      stats: async () => {
        asked += 1;
        const kills = script.kills === undefined ? 0 : script.kills[run];
        return kills === undefined ? undefined : { oomKills: asked === 1 ? 0 : kills, peakMemoryMib: 100 };
      },
      close: async () => void calls.push("close"),
    };
  };
  const ports: RunPorts = {
    pool,
    connect: async () => {
      step("connect");
      if (script.connect !== undefined) throw script.connect;
      runs += 1;
      return runner(runs - 1);
    },
    clock,
    sleep: async (ms, signal) => {
      if (ms < 3_600_000) {
        clock.advance(ms);
        return;
      }
      await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
    },
    log: (line) => void notes.push(line),
  };
  const spawn = {
    repo: "acme/shop",
    target: "",
    platform: "linux/amd64" as const,
    build_id: "b1",
    ttl_s: 600,
    ssh_public_key: "ssh-ed25519 AAAA",
    tenant: "default",
  };
  const request = { spawn, tier: script.tier ?? ("cx22" as const), readyTimeoutMs: 60_000, pollMs: 1000 };
  return { reports: await runBuild(request, ports, stopping.signal), calls, metrics, notes };
}

const releases = (calls: readonly string[]): number => calls.filter((call) => call === "release").length;
const spawns = (calls: readonly string[]): readonly string[] => calls.filter((call) => call.startsWith("spawn"));

test("runBuild: spawns, builds, gives the runner back and tells what it used (runner-always-destroyed)", async () => {
  const { reports, calls, metrics } = await play({});
  assert.deepEqual(calls, ["spawn cx22", "lease", "lease", "connect", "context", "build", "close", "release", "report"]);
  assert.equal(reports[0]?.outcome, "built");
  assert.deepEqual(
    [metrics[0]?.outcome, metrics[0]?.seconds.build, metrics[0]?.seconds.push, metrics[0]?.seconds.cache],
    ["built", 7, 1, 2],
  );
});

test("runBuild: out of memory is tried once more, one tier up, and never again (oom-retry-bounded)", async () => {
  const saved = await play({ ends: [FAILED, BUILT], kills: [1, 0] });
  assert.deepEqual(
    [spawns(saved.calls), saved.reports.map(({ outcome }) => outcome)],
    [
      ["spawn cx22", "spawn cx32"],
      ["oom", "built"],
    ],
  );
  const lost = await play({ ends: [FAILED, FAILED, BUILT], kills: [1, 2, 0] });
  assert.deepEqual([spawns(lost.calls).length, releases(lost.calls), lost.reports.map(({ outcome }) => outcome)], [2, 2, ["oom", "oom"]]);
  const top = await play({ ends: [FAILED], kills: [1], tier: "cx52" });
  assert.deepEqual([spawns(top.calls), top.reports[0]?.outcome], [["spawn cx52"], "oom"]);
  const larger = await play({ ends: [FAILED, BUILT], kills: [1, 0], got: "cx42" });
  assert.deepEqual([spawns(larger.calls), larger.metrics[0]?.tier], [["spawn cx22", "spawn cx52"], "cx42"], "above what it ran on");
});

test("runBuild: asked to stop at any step, the runner is given back and nothing is tried again (runner-always-destroyed)", async () => {
  for (const stopAt of ["spawn cx22", "lease", "connect", "context", "build"]) {
    const { reports, calls } = await play({ stopAt, ends: [FAILED], kills: [1] });
    assert.deepEqual([releases(calls), spawns(calls).length, reports[0]?.outcome], [1, 1, "cancelled"], stopAt);
    assert.equal(reports[0]?.error?.code, stopAt === "build" ? undefined : "build_cancelled", stopAt);
  }
});

test("runBuild: a failure at any step gives the runner back", async () => {
  const unreachable = new TriplaneError("runner_unreachable", "ssh: exit code 255");
  const cases: readonly (readonly [Script, string])[] = [
    [{ connect: new TriplaneError("runner_host_key", "another key") }, "runner_host_key"],
    [{ context: () => unreachable }, "runner_unreachable"],
    [{ states: ["booting"] }, "runner_not_ready"],
    [{ states: ["booting", "failed"] }, "lease_ended"],
  ];
  for (const [script, code] of cases) {
    const { reports, calls } = await play(script);
    assert.deepEqual([reports[0]?.outcome, reports[0]?.error?.code, releases(calls)], ["infrastructure", code, 1]);
  }
  const flaky = await play({ context: (calls) => (calls < 3 ? unreachable : undefined) });
  assert.equal(flaky.reports[0]?.outcome, "built");
});

const LOST: BuildctlEnd = { ...FAILED, exitCode: 255, errorText: "" };
const REFUSED: BuildctlEnd = { ...FAILED, errorText: "failed to authorize: 401 Unauthorized" };
const asks = (calls: readonly string[]): number => calls.filter((call) => call === "ask").length;

test("runBuild: that the lease is over is told as the reason, whether the heartbeat or the broken connection was first", async () => {
  const unreachable = new TriplaneError("runner_unreachable", "10.0.0.2:22: the connection was lost");
  const KILLED = { ...FAILED, errorText: "did not complete successfully: exit code: 137" };
  const firsts: Readonly<Record<string, Script>> = {
    heartbeat: { heartbeat: EXPIRED },
    "the connection": { ends: [LOST], kills: [undefined], asked: () => EXPIRED },
    "the registry that refuses": { ends: [REFUSED], kills: [0], asked: () => EXPIRED },
    "a step that is killed with its runner": { ends: [KILLED], kills: [undefined], asked: () => EXPIRED },
    "the connection while the context is sent": { context: () => unreachable, asked: () => EXPIRED },
    "the connection, while the pool is away for a moment": {
      ...{ ends: [LOST], kills: [undefined] },
      asked: (calls) => (calls < 3 ? new TriplaneError("unavailable", "status 502") : EXPIRED),
    },
  };
  for (const [first, script] of Object.entries(firsts)) {
    const { reports, calls } = await play(script);
    const [report] = reports;
    assert.deepEqual([report?.outcome, report?.error?.code, reports.length], ["infrastructure", "lease_ended", 1], first);
    assert.match(report?.error?.message ?? "", /its time of 600 s is over/, first);
    assert.match(report?.error?.hint ?? "", /longer time.*start the build again/, first);
    assert.equal(releases(calls), 1, first);
  }
  const forgotten = await play({ ends: [LOST], kills: [undefined], asked: () => new TriplaneError("lease_unknown", "no such lease") });
  assert.deepEqual([forgotten.reports[0]?.error?.code, asks(forgotten.calls)], ["lease_ended", 1]);
});

test("runBuild: where the lease stands, or the pool does not answer, the broken connection is the reason", async () => {
  const stands = await play({ ends: [LOST], kills: [undefined] });
  assert.deepEqual([stands.reports[0]?.outcome, stands.reports[0]?.error, asks(stands.calls)], ["connection-lost", undefined, 1]);
  const away = await play({ ends: [LOST], kills: [undefined], asked: () => new TriplaneError("unavailable", "status 502") });
  assert.deepEqual([away.reports[0]?.outcome, away.reports[0]?.error, asks(away.calls)], ["connection-lost", undefined, 3]);
  assert.match(away.notes.join("\n"), /does not say whether the lease lease-0+1 still stands: status 502/);
  const refused = await play({ ends: [REFUSED], kills: [0] });
  assert.deepEqual([refused.reports[0]?.outcome, asks(refused.calls)], ["registry-denied", 1]);
});

test("runBuild: what went wrong on a runner that outlived it is told without asking", async () => {
  for (const [end, kills] of [
    [FAILED, 0],
    [FAILED, 1],
    [BUILT, undefined],
  ] as const) {
    const { reports, calls } = await play({ ends: [end], kills: [kills], tier: "cx52", asked: () => EXPIRED });
    assert.deepEqual([asks(calls), reports[0]?.error], [0, undefined]);
  }
  const stopped = await play({ ends: [LOST], kills: [undefined], stopAt: "build", asked: () => EXPIRED });
  assert.deepEqual([stopped.reports[0]?.outcome, asks(stopped.calls)], ["cancelled", 0]);
});

test("runBuild: a pool that fails is asked again, and so is a release; what an unheard answer made is found and released", async () => {
  const away = new TriplaneError("unavailable", "status 502");
  const slow = await play({ spawn: (calls) => (calls < 3 ? away : "created"), release: (calls) => (calls < 4 ? away : undefined) });
  assert.deepEqual([slow.reports[0]?.outcome, releases(slow.calls)], ["built", 4]);
  const adopted = await play({ spawn: (calls) => (calls < 2 ? away : "there") });
  assert.equal(adopted.reports[0]?.outcome, "built");
  const gone = await play({ spawn: () => away, listed: true });
  assert.deepEqual([gone.reports[0]?.error?.code, releases(gone.calls)], ["unavailable", 1]);
  const refused = await play({ spawn: () => new TriplaneError("provider_limit", "the quota is reached") });
  assert.deepEqual([refused.reports[0]?.error?.code, spawns(refused.calls).length, releases(refused.calls)], ["provider_limit", 1, 0]);
});

test("runBuild: of two launchers with one build id the second leaves the first one's lease alone", async () => {
  const { reports, calls } = await play({ spawn: () => "there" });
  assert.deepEqual([reports[0]?.error?.code, releases(calls)], ["build_id_taken", 0]);
});

test("classify: the kernel's count decides on memory, words only where it cannot be read", () => {
  const judged = (errorText: string, oomKills: number | undefined, exitCode = 1, cancelled = false) =>
    classify({ exitCode, errorText, oomKills, cancelled });
  assert.equal(judged("did not complete successfully: exit code: 1", 1), "oom");
  assert.equal(judged("did not complete successfully: exit code: 137", 0), "failed");
  assert.equal(judged("did not complete successfully: exit code: 137", undefined), "oom");
  assert.equal(judged("did not complete successfully: cannot allocate memory", undefined), "oom");
  assert.equal(judged("rpc error: code = Unavailable desc = error reading from server: EOF", 1), "oom");
  assert.equal(judged("rpc error: code = Unavailable desc = error reading from server: EOF", 0), "connection-lost");
  assert.equal(judged("ResourceExhausted: write /x: no space left on device", 0), "disk-full");
  assert.equal(judged("failed to push r/images/a:1: unexpected status: 401 Unauthorized", 0), "registry-denied");
  const away = "failed to fetch oauth token: unexpected status from POST request to http://r/token: 503 Service Unavailable";
  assert.equal(judged(away, 0), "registry-failed");
  assert.equal(judged("failed to push r/images/a:1: dial tcp: connection refused", 0), "registry-failed");
  assert.equal(judged('exec: "/x": permission denied', 0), "failed");
  assert.equal(judged("", 0, 255), "connection-lost");
  assert.equal(judged("context canceled", 0, 1, true), "cancelled");
  assert.equal(judged("", 0, 0, true), "built");
});
