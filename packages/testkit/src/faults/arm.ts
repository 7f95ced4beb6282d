// Loaded with `node --import` before a daemon: carries out the orders of a control folder at failpoints, and sets the wall clock off.
//
// 1. Without TRIPLANE_FAULTS_DIR it does nothing at all.
// 2. The proof that an order fired is on disk before the process does what the order says.
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { FAILPOINT_CHANNEL, type Failpoint } from "@triplane/contract";
import { seededRandom } from "../random.ts";
import { FAULTS_DIR_VARIABLE, FAULTS_NAME_VARIABLE, type FaultOrder, type Fired, orderName } from "./orders.ts";

const CLOCK_READ_EVERY_MS = 50;

const folder = process.env[FAULTS_DIR_VARIABLE];
if (folder !== undefined && folder !== "") {
  const name = process.env[FAULTS_NAME_VARIABLE] ?? basename(process.argv[1] ?? "node").replace(/\.[cm]?[jt]s$/, "");
  obeyOrders(folder, name);
  skewWallClock(folder, name);
}

function obeyOrders(folder: string, name: string): void {
  const hits = new Map<string, number>();
  const chance = chances(name);
  subscribe(FAILPOINT_CHANNEL, (message) => {
    const failpoint = message as Failpoint;
    const names = [orderName(failpoint, name), orderName(failpoint), orderName("any", name), orderName("any")];
    for (const each of names) {
      const path = join(folder, each);
      const order = read<FaultOrder>(`${path}.json`);
      if (order === undefined) {
        hits.delete(each);
        continue;
      }
      const fired: Fired = { failpoint, process: name, pid: process.pid, atMs: Date.now(), order };
      if (order.probability !== undefined) {
        if (chance(order.seed ?? "1") >= order.probability) continue;
      } else {
        const count = (hits.get(each) ?? 0) + 1;
        hits.set(each, count);
        if (count < (order.hits ?? 1)) continue;
        hits.delete(each);
        // Of several processes that got here one wins the order.
        if (!claim(path)) continue;
        writeFileSync(`${path}.fired`, `${JSON.stringify(fired)}\n`);
      }
      appendFileSync(join(folder, "fired.ndjson"), `${JSON.stringify(fired)}\n`);
      carryOut(order);
    }
  });
}

function claim(path: string): boolean {
  try {
    renameSync(`${path}.json`, `${path}.fired`);
    return true;
  } catch {
    return false;
  }
}

function carryOut({ action, delayMs = 0 }: FaultOrder): void {
  if (action === "kill") process.kill(process.pid, "SIGKILL");
  else if (action === "stop") process.kill(process.pid, "SIGSTOP");
  else if (action === "exit") process.exit(1);
  else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
}

/** Numbers in [0, 1), another series for every process. */
function chances(name: string): (seed: string) => number {
  const series = new Map<string, ReturnType<typeof seededRandom>>();
  return (seed) => {
    const random = series.get(seed) ?? seededRandom(`${seed} ${name} ${process.pid}`);
    series.set(seed, random);
    const [high = 0, middle = 0, low = 0] = random.bytes(3);
    return (high * 65_536 + middle * 256 + low) / 16_777_216;
  };
}

function skewWallClock(folder: string, name: string): void {
  const realNow = Date.now.bind(Date);
  let readAt = Number.NEGATIVE_INFINITY;
  let offsetMs = 0;
  Date.now = () => {
    const now = performance.now();
    if (now - readAt >= CLOCK_READ_EVERY_MS) {
      readAt = now;
      const order = read<{ readonly offset_ms: number }>(join(folder, `clock.${name}.json`)) ?? read(join(folder, "clock.json"));
      offsetMs = order?.offset_ms ?? 0;
    }
    return realNow() + offsetMs;
  };
}

function read<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
