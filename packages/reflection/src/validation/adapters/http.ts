// What is asked over HTTP: daemons, registry, Prometheus, Loki, Grafana, Vector. Answers are foreign: bounded, and parsed by schemas.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
import { z } from "zod";
import type { RegistryFacts } from "../checks/build-infrastructure.ts";
import type { DaemonFacts, PartFacts, ScrapeFacts, WatchedDaemon } from "../checks/observability.ts";
import type { Source } from "../source.ts";

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 8 * 1024 * 1024;

const targetsSchema = z.object({
  status: z.literal("success"),
  data: z.object({
    activeTargets: z
      .array(
        z.object({
          labels: z.record(z.string(), z.string()),
          scrapeUrl: z.string().max(2000),
          health: z.string().max(20),
          lastError: z.string().max(2000).default(""),
        }),
      )
      .max(10_000),
  }),
});

/** Throws `unavailable` where nobody answers in time. */
async function get(url: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]), redirect: "error" });
    return { status: response.status, body: await boundedText(response) };
  } catch (cause) {
    const why = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
    throw new TriplaneError("unavailable", `${url} does not answer: ${why}`, {
      cause,
      hint: "Start it, or correct its address in validation.json.",
    });
  }
}

/** Status 0 for somebody who does not answer: of a part that has to be reachable, that is an answer. */
async function getOrSilence(url: string, signal: AbortSignal): Promise<PartFacts> {
  try {
    return await get(url, signal);
  } catch (thrown) {
    return { status: 0, body: toTriplaneError(thrown).message };
  }
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body === null) return "";
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function beside(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}${path}`;
}

export function partSource(base: string | undefined, path: string, absent: string): Source<PartFacts> {
  if (base === undefined) return { absent };
  const url = beside(base, path);
  return { where: url, read: (signal) => getOrSilence(url, signal) };
}

export function registrySource(base: string | undefined, absent: string): Source<RegistryFacts> {
  if (base === undefined) return { absent };
  const url = beside(base, "/v2/");
  return { where: url, read: async (signal) => ({ status: (await getOrSilence(url, signal)).status }) };
}

export function prometheusSource(base: string | undefined, daemons: readonly WatchedDaemon[], absent: string): Source<ScrapeFacts> {
  if (base === undefined) return { absent };
  return {
    where: base,
    read: async (signal) => {
      const ready = await getOrSilence(beside(base, "/-/ready"), signal);
      if (ready.status !== 200) return { ready: false, targets: [], daemons };
      const { body } = await get(beside(base, "/api/v1/targets?state=active"), signal);
      const parsed = targetsSchema.safeParse(tryParseJson(body));
      if (!parsed.success) throw new TriplaneError("unavailable", `${base} does not answer as Prometheus does`);
      const targets = parsed.data.data.activeTargets.map(({ labels, scrapeUrl, health, lastError }) => ({
        ...{ job: labels["job"] ?? "", scrapeUrl, health, lastError },
      }));
      return { ready: true, targets, daemons };
    },
  };
}

export function daemonsSource(daemons: readonly WatchedDaemon[], absent: string): Source<DaemonFacts> {
  if (daemons.length === 0) return { absent };
  return {
    where: daemons.map(({ address }) => `http://${address}/metrics`).join(", "),
    read: async (signal) => ({
      daemons: await Promise.all(
        daemons.map(async ({ name, address }) => {
          const [health, metrics] = await Promise.all(
            ["/healthz", "/metrics"].map((path) => get(`http://${address}${path}`, signal).catch(() => undefined)),
          );
          const lines = (metrics?.body ?? "").split("\n").filter((line) => line.includes('daemon="') && !line.startsWith("#"));
          const names = new Set(lines.map((line) => /daemon="([^"]{1,64})"/.exec(line)?.[1] ?? ""));
          return { name, address, healthStatus: health?.status, series: lines.length, names: [...names] };
        }),
      ),
    }),
  };
}
