// Where the time of one op goes: ops one at a time through a workspace whose daemons take down when they reach each named step.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "@triplane/kit";
import { median } from "../harness/statistics.ts";
import { asOperator, watchEnds } from "./operator.ts";
import { moduleBeside, Workspace } from "./workspace.ts";

export interface Gap {
  readonly from: string;
  readonly to: string;
  /** Median over the ops. */
  readonly ms: number;
}

export interface TimelineOptions {
  readonly ops: number;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The gaps between the steps that every op passed, in order, from its signature to the moment when its issuer can know. */
export async function timelineOf(options: TimelineOptions): Promise<readonly Gap[]> {
  const { signal, folder } = options;
  const spans: { readonly startMs: number; readonly endMs: number }[] = [];
  {
    const imports = [moduleBeside("step-listener.ts")];
    await using workspace = await Workspace.start({ signal, imports, env: { BENCH_STEPS: folder } });
    await asOperator(workspace, async (operator) => {
      const ended = new Map<string, number>();
      const stop = new AbortController();
      await watchEnds(workspace, AbortSignal.any([signal, stop.signal]), ({ jti, seenMs }) => void ended.set(jti, seenMs));
      for (let count = 0; count < options.ops; count += 1) {
        const startMs = performance.timeOrigin + performance.now();
        const { jti } = await operator.submit();
        while (!ended.has(jti) && !signal.aborted) await sleep(1);
        spans.push({ startMs, endMs: ended.get(jti) ?? Number.NaN });
        // Until the mirror is done with it, so that the next one is alone.
        const wanted = operator.sent;
        while ((await workspace.recorded()) < wanted && !signal.aborted) await sleep(10);
      }
      stop.abort();
    });
  }
  return gapsOf(readSteps(folder), spans);
}

interface Step {
  readonly name: string;
  readonly atMs: number;
}

function readSteps(folder: string): readonly Step[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".steps"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"))
    .map((line) => line.split(" "))
    .map(([name = "", at]) => ({ name, atMs: Number(at) }))
    .sort((a, b) => a.atMs - b.atMs);
}

function gapsOf(steps: readonly Step[], spans: readonly { readonly startMs: number; readonly endMs: number }[]): readonly Gap[] {
  const gaps = new Map<string, { readonly from: string; readonly to: string; readonly order: number; readonly all: number[] }>();
  // The first ones meet a process that has run nothing yet.
  for (const { startMs, endMs } of spans.slice(Math.min(10, Math.floor(spans.length / 4)))) {
    const inside = steps.filter(({ atMs }) => atMs >= startMs && atMs <= endMs);
    const way = [{ name: "signed", atMs: startMs }, ...inside, { name: "known", atMs: endMs }];
    for (let at = 1; at < way.length; at += 1) {
      const [from, to] = [way[at - 1], way[at]];
      if (from === undefined || to === undefined) continue;
      const key = `${from.name} ${to.name}`;
      const gap = gaps.get(key) ?? { from: from.name, to: to.name, order: at, all: [] };
      gaps.set(key, gap);
      gap.all.push(to.atMs - from.atMs);
    }
  }
  const least = spans.length / 4;
  return [...gaps.values()]
    .filter(({ all }) => all.length > least)
    .sort((a, b) => a.order - b.order)
    .map(({ from, to, all }) => ({ from, to, ms: median(all) }));
}
