// A queueing model of an op's way, for machines that we do not have: what changes with the distance between replicas and with the database.
// Run: node bench/scale/model.ts
//
// An op passes stations one after the other. A station takes what waits, up to a limit, as one batch, and a batch takes a fixed time and a time for
// each op: the fixed one is where networks and disks are, the other is work of a processor. Ops come at random times (Poisson). Nothing is
// measured here; what stands in STATIONS comes from measurements of the parts, or is marked as assumed.
import { pathToFileURL } from "node:url";
import { quantile } from "../harness/statistics.ts";

export interface Station {
  readonly name: string;
  /** Time of a batch whatever is in it, milliseconds. */
  readonly fixedMs: number;
  readonly perOpMs: number;
  readonly maxBatch: number;
}

export interface Place {
  readonly name: string;
  /** Round trip to the replica that makes the majority, milliseconds; 0 for a single server. */
  readonly roundTripMs: number;
  /** A synced append on its disk. */
  readonly syncMs: number;
  readonly database: "embedded" | "distributed";
}

/**
 * Synced append of JetStream with one server: 0.55 ms (reliability facts, section 2). With three, the leader syncs, sends, a follower syncs and
 * answers. Processor times for an op: broker 0.15 each way, keeper 0.7, controller and orchestrator 0.8 each with grouped commits.
 * Distributed database: a commit is two rounds (prewrite, commit), each through a majority; assumed, not measured.
 */
export function stationsOf(place: Place): readonly Station[] {
  const append = place.syncMs + (place.roundTripMs === 0 ? 0 : place.roundTripMs + place.syncMs);
  const commit = place.database === "embedded" ? 1 + place.syncMs : 2 * (place.roundTripMs + 2 * place.syncMs) + 2;
  const rest = { maxBatch: 64 };
  return [
    { name: "pending stream", fixedMs: append, perOpMs: 0.15, maxBatch: 256 },
    // One read, one compare-and-set for the numbers of a key, the publish: each is a stream's append.
    { name: "keeper", fixedMs: 0.5 + 2 * append, perOpMs: 0.7 + 0.15, ...rest },
    { name: "controller accepts", fixedMs: commit, perOpMs: 0.4, ...rest },
    { name: "orchestrator", fixedMs: 2 * commit, perOpMs: 0.8, ...rest },
  ];
}

export interface Outcome {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the ops that came which were done at the end; below 0.99 the station with the longest queue cannot keep up. */
  readonly done: number;
}

/** Deterministic for a seed. Every station works at one batch at a time, in order of arrival. */
export function simulate(stations: readonly Station[], opsPerSecond: number, ops: number, seed = 1): Outcome {
  const random = generator(seed);
  let atMs = 0;
  let arrivals = Array.from({ length: ops }, () => {
    atMs += (-Math.log(1 - random()) * 1000) / opsPerSecond;
    return atMs;
  });
  const born = arrivals;
  for (const station of stations) arrivals = pass(station, arrivals);
  const latencies = arrivals.map((end, at) => end - (born[at] ?? 0)).slice(Math.floor(ops / 10));
  const endMs = born.at(-1) ?? 0;
  return {
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    done: arrivals.filter((end) => end <= endMs + 1000).length / ops,
  };
}

/** When each op leaves a station, in order. */
function pass(station: Station, arrivals: readonly number[]): number[] {
  const leaves: number[] = [];
  let freeMs = 0;
  for (let next = 0; next < arrivals.length; ) {
    const startMs = Math.max(freeMs, arrivals[next] ?? 0);
    let end = next;
    while (end < arrivals.length && end - next < station.maxBatch && (arrivals[end] ?? 0) <= startMs) end += 1;
    freeMs = startMs + station.fixedMs + station.perOpMs * (end - next);
    while (next < end) {
      leaves.push(freeMs);
      next += 1;
    }
  }
  return leaves;
}

/** Highest rate that the stations sustain, by halving. */
export function capacity(stations: readonly Station[], ops: number): number {
  let [low, high] = [10, 20_000];
  while (high - low > low / 50) {
    const middle = (low + high) / 2;
    if (simulate(stations, middle, ops).done >= 0.99) low = middle;
    else high = middle;
  }
  return low;
}

// mulberry32: small, good enough for arrival times, and the same everywhere.
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const PLACES: readonly Place[] = [
  { name: "one server", roundTripMs: 0, syncMs: 0.5, database: "embedded" },
  { name: "three servers, one rack (0.2 ms)", roundTripMs: 0.2, syncMs: 0.5, database: "embedded" },
  { name: "three zones of a region (1.5 ms)", roundTripMs: 1.5, syncMs: 0.5, database: "embedded" },
  { name: "three zones, database in them as well", roundTripMs: 1.5, syncMs: 0.5, database: "distributed" },
  { name: "three regions (30 ms)", roundTripMs: 30, syncMs: 0.5, database: "embedded" },
  { name: "three regions, database in them as well", roundTripMs: 30, syncMs: 0.5, database: "distributed" },
];

/** The table of docs/explanation/scale.md. */
export function modelTable(): string {
  const rows = PLACES.map((place) => {
    const stations = stationsOf(place);
    const at = (rate: number) => simulate(stations, rate, 20_000);
    const [ten, hundred] = [at(10), at(100)];
    return `| ${place.name} | ${ms(ten.p99Ms)} | ${ms(hundred.p50Ms)} | ${ms(hundred.p99Ms)} | ${Math.round(capacity(stations, 5_000) / 10) * 10} |`;
  });
  return [
    "| replicas | p99 at 10 ops/s | p50 at 100 ops/s | p99 at 100 ops/s | most ops/s of one workspace |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function ms(value: number): string {
  return value > 10_000 ? "falls behind" : `${value.toFixed(0)} ms`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) process.stdout.write(`${modelTable()}\n`);
