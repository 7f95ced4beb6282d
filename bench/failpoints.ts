// What failpoints cost when nobody listens: verifying an op, with and without all the failpoint calls that an op passes, in one run.
// Run: node bench/failpoints.ts
import { pathToFileURL } from "node:url";
import { FAILPOINTS, failpoint, generateSigningKey, signOp, uuid7, verifyOp } from "@triplane/contract";

export interface FailpointCost {
  /** Calls on an op's whole way, all of them made in each round with failpoints. */
  readonly calls: number;
  readonly verifiedPerS: number;
  readonly verifiedWithFailpointsPerS: number;
  /** `verifiedWithFailpointsPerS / verifiedPerS`, the median of the rounds' ratios. 1 = they cost nothing. */
  readonly ratio: number;
  /** One call, measured in a loop of nothing else. */
  readonly nsPerCall: number;
  /** All calls of an op as a part of verifying it once, from `nsPerCall`: what the ratio is too coarse to show. */
  readonly shareOfVerification: number;
}

const LOOP = 2_000_000;

/** Measures both in turns, `rounds` times over `count` ops. */
export function measureFailpoints(options: { readonly count?: number; readonly rounds?: number } = {}): FailpointCost {
  const { count = 1000, rounds = 9 } = options;
  const ops = signedOps(count);
  const bare = (): void => {
    for (const op of ops) verifyOp(op);
  };
  const pierced = (): void => {
    for (const op of ops) {
      for (const name of FAILPOINTS) failpoint(name);
      verifyOp(op);
    }
  };
  bare();
  pierced();
  const times = Array.from({ length: rounds }, (_, round) => {
    // In turns, so that a machine that slows down slows both.
    if (round % 2 === 0) return { bareMs: msOf(bare), piercedMs: msOf(pierced) };
    const piercedMs = msOf(pierced);
    return { bareMs: msOf(bare), piercedMs };
  });
  const bareMs = median(times.map((time) => time.bareMs));
  const nsPerCall = (median(Array.from({ length: 3 }, () => msOf(callsOnly))) * 1e6) / LOOP;
  return {
    calls: FAILPOINTS.length,
    verifiedPerS: (count * 1000) / bareMs,
    verifiedWithFailpointsPerS: (count * 1000) / median(times.map((time) => time.piercedMs)),
    ratio: median(times.map((time) => time.bareMs / time.piercedMs)),
    nsPerCall,
    shareOfVerification: (nsPerCall * FAILPOINTS.length) / ((bareMs * 1e6) / count),
  };
}

function callsOnly(): void {
  for (let index = 0; index < LOOP; index += 1) failpoint("keeper.before-ack");
}

function signedOps(count: number): readonly string[] {
  const key = generateSigningKey();
  const nowMs = Date.now();
  const iat = Math.floor(nowMs / 1000);
  return Array.from({ length: count }, (_, index) =>
    signOp(
      {
        ...{ aud: "libre-wuji/rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", jti: uuid7(nowMs, crypto.getRandomValues(new Uint8Array(10))) },
        ...{ iat, exp: iat + 600, seq: index + 1, op: "component.deploy", target: "web", scope: "components", expected_state_version: 0 },
        args: { component: "web", replicas: 2 },
      },
      key,
    ),
  );
}

function msOf(work: () => void): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(JSON.stringify(measureFailpoints(), undefined, 2));
