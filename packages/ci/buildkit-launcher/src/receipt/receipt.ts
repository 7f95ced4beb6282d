// What a build did, took and cost: made of its plan and its runs. Pure.
import type { TriplaneError } from "@triplane/contract";
import type { BuildPlan } from "../plan/build-plan.ts";
import { seconds } from "../progress/plain.ts";
import type { RunOutcome, RunReport } from "../run/run-build.ts";
import { exitCodeOf } from "./exit-codes.ts";

export interface RunReceipt {
  readonly tier: string;
  readonly outcome: RunOutcome;
  readonly lease_id?: string;
  readonly server_type?: string;
  readonly provider?: string;
  readonly seconds: RunReport["seconds"];
  readonly steps: number;
  readonly cached_steps: number;
  readonly peak_memory_mib?: number;
  readonly oom_kills?: number;
  /** Absent where nothing is billed. */
  readonly cost_cents?: number;
}

export interface Receipt {
  readonly outcome: RunOutcome;
  readonly exit_code: number;
  readonly build_id: string;
  readonly repo: string;
  readonly images: readonly string[];
  readonly image_digest?: string;
  readonly sized_by: BuildPlan["size"];
  readonly runs: readonly RunReceipt[];
  readonly cost_cents?: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

export function receiptOf(plan: BuildPlan, reports: readonly RunReport[], signal: string | undefined): Receipt {
  const last = reports.at(-1);
  const outcome = last?.outcome ?? "infrastructure";
  const costs = reports.map(({ costCents }) => costCents).filter((cost) => cost !== undefined);
  const digest = last?.end?.imageDigest;
  const registry = last?.registry;
  return {
    ...{ outcome, exit_code: exitCodeOf(outcome, last?.error, signal), build_id: plan.build_id, repo: plan.repo },
    images: registry === undefined ? plan.images : plan.images.map((image) => `${registry}${image.slice(image.indexOf("/"))}`),
    ...(digest === undefined ? {} : { image_digest: digest }),
    sized_by: plan.size,
    runs: reports.map(runReceipt),
    ...(costs.length === 0 ? {} : { cost_cents: costs.reduce((sum, cost) => sum + cost, 0) }),
    ...failureOf(last?.error),
  };
}

function failureOf(error: TriplaneError | undefined): Pick<Receipt, "error"> {
  return error === undefined ? {} : { error: { code: error.code, message: error.message, hint: error.hint } };
}

function runReceipt({ tier, outcome, leaseId, serverType, provider, seconds: took, stats, end, costCents }: RunReport): RunReceipt {
  return {
    ...{ tier, outcome, seconds: took, steps: end?.steps ?? 0, cached_steps: end?.cachedSteps ?? 0 },
    ...(leaseId === undefined ? {} : { lease_id: leaseId }),
    ...(serverType === undefined ? {} : { server_type: serverType }),
    ...(provider === undefined ? {} : { provider }),
    ...(stats?.peakMemoryMib === undefined ? {} : { peak_memory_mib: stats.peakMemoryMib }),
    ...(stats === undefined ? {} : { oom_kills: stats.oomKills }),
    ...(costCents === undefined ? {} : { cost_cents: costCents }),
  };
}

const OUTCOMES: Readonly<Record<RunOutcome, string>> = {
  built: "built and pushed",
  failed: "the build failed",
  oom: "out of memory",
  "disk-full": "the runner's disk is full",
  "registry-denied": "the registry refused",
  "registry-failed": "the registry could not be reached",
  "connection-lost": "the connection to the runner, or its buildkitd, was lost",
  cancelled: "stopped as asked",
  infrastructure: "no build could be run",
};

/** What to do about it, where the log does not already say. */
const HINTS: Partial<Readonly<Record<RunOutcome, string>>> = {
  oom: "Say in .build-spec.ncl what the build needs (memory_gib), or make it need less.",
  "disk-full": "Make the build write less, or clean up within the same RUN; a larger tier has a larger disk with most providers.",
  "registry-denied":
    "The token of a runner reads and writes its own repository only: base images have to be readable for it (--may-pull). It counts from 30 s before it was made, so the clocks of orchestrator and registry have to agree.",
  "registry-failed": "See whether the registry answers, then build again.",
  "connection-lost": "Build again; the runner was given back.",
};

export function renderReceipt(receipt: Receipt): string {
  const { outcome, images, image_digest: digest, sized_by: size, runs, cost_cents: cost, error } = receipt;
  const hint = error?.hint ?? HINTS[outcome];
  const rows: readonly (readonly [string, string])[] = [
    ["outcome", outcome === "oom" && runs.length > 1 ? "out of memory twice, the second time one tier up" : OUTCOMES[outcome]],
    ...(error === undefined ? [] : [["error", `${error.message} (${error.code})`] as const]),
    ...(hint === undefined ? [] : [["hint", hint] as const]),
    ...(outcome === "built" ? images.map((image) => ["image", image] as const) : []),
    ...(digest === undefined ? [] : [["digest", digest] as const]),
    ["sized by", `${size.source}: ${size.reason}`],
    ...runs.flatMap((run, index) => runRows(run, runs.length > 1 ? `run ${index + 1}` : "run")),
    ["cost", cost === undefined ? "nothing is billed" : `${cost.toFixed(2)} cents`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}`).join("\n");
}

function runRows(run: RunReceipt, name: string): readonly (readonly [string, string])[] {
  const { queued, booting, context, build, push, cache } = run.seconds;
  const machine = [run.tier, run.server_type === undefined ? "" : `(${run.server_type})`].filter((word) => word !== "").join(" ");
  const parts = { queued, booting, context, build, push, cache };
  const memory = run.peak_memory_mib === undefined ? [] : [`peak memory ${run.peak_memory_mib} MiB`];
  const kills = (run.oom_kills ?? 0) > 0 ? [`${run.oom_kills} killed for memory`] : [];
  return [
    [name, `${machine}: ${OUTCOMES[run.outcome]}`],
    [
      "",
      Object.entries(parts)
        .map(([part, took]) => `${part} ${seconds(took)}`)
        .join(", "),
    ],
    ["", [`${run.cached_steps} of ${run.steps} steps from the cache`, ...memory, ...kills].join(", ")],
  ];
}
