import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { FAILPOINTS } from "@triplane/contract";
import { eventually } from "../eventually.ts";
import { tempDir } from "../folders.ts";
import { ARMING_MODULE, allFired, firedOrder, giveOrder, orderName, skewClock, takeBackOrder } from "./orders.ts";

const HITTING_PROCESS = join(import.meta.dirname, "testing", "hitting-process.ts");

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
}

function start(folder: string | undefined, args: readonly string[], options: { readonly armed?: boolean; readonly name?: string } = {}) {
  const modules = options.armed === false ? [] : [`--import=${ARMING_MODULE}`];
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...modules, HITTING_PROCESS, ...args], {
    env: {
      PATH: process.env["PATH"],
      ...(folder === undefined ? {} : { TRIPLANE_FAULTS_DIR: folder }),
      ...(options.name === undefined ? {} : { TRIPLANE_FAULTS_NAME: options.name }),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { child, ended: endOf(child) };
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString("utf8");
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, lines: out.split("\n").filter((line) => line !== "") };
}

const hit = (folder: string | undefined, ...args: readonly string[]): Promise<Ended> => start(folder, args).ended;

describe("arm: a process that was loaded with it", () => {
  it("dies by SIGKILL at the failpoint, with the proof on disk", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "keeper.before-ack", { action: "kill" });
    const { child, ended } = start(folder.path, ["keeper.after-publish", "keeper.before-ack"]);
    assert.deepEqual(await ended, { code: null, signal: "SIGKILL", lines: ["after keeper.after-publish"] });
    const fired = await firedOrder(folder.path, "keeper.before-ack");
    assert.deepEqual(
      { ...fired, atMs: 0 },
      {
        ...{ failpoint: "keeper.before-ack", process: "hitting-process", pid: child.pid, atMs: 0, order: { action: "kill" } },
      },
    );
    assert.deepEqual(await allFired(folder.path), [fired]);
  });

  it("carries out an order once: the next process passes", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "keeper.before-ack", { action: "exit" });
    assert.equal((await hit(folder.path, "keeper.before-ack")).code, 1);
    assert.equal((await hit(folder.path, "keeper.before-ack")).code, 0);
  });

  it("passes where the order is for another process, another failpoint, or taken back", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "keeper.before-ack", { action: "kill" }, "somebody-else");
    await giveOrder(folder.path, "keeper.after-ack", { action: "kill" });
    await giveOrder(folder.path, "mirror.after-ack", { action: "kill" });
    await takeBackOrder(folder.path, "mirror.after-ack");
    assert.equal((await hit(folder.path, "keeper.before-ack", "mirror.after-ack")).code, 0);
    assert.equal(await firedOrder(folder.path, "keeper.before-ack", "somebody-else"), undefined);
    assert.equal((await start(folder.path, ["keeper.before-ack"], { name: "somebody-else" }).ended).signal, "SIGKILL");
  });

  it("counts hits, and takes `any` for every failpoint", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "any", { action: "exit", hits: 3 });
    const { code, lines } = await hit(folder.path, ...FAILPOINTS.slice(0, 5));
    assert.deepEqual([code, lines.length], [1, 2]);
    assert.equal((await firedOrder(folder.path, "any"))?.failpoint, FAILPOINTS[2]);
  });

  it("obeys an order that is given while it runs, and a clock that is set off", async () => {
    await using folder = await tempDir("arm");
    const { child, ended } = start(folder.path, ["--until-killed", "controller.before-ack"]);
    const now = async (): Promise<number> => Number(await readFile(join(folder.path, "now"), "utf8"));
    await eventually(now, { what: "the process running" });
    const hourMs = 3_600_000;
    await skewClock(folder.path, -hourMs, "hitting-process");
    await eventually(async () => Math.abs((await now()) + hourMs - Date.now()) < hourMs / 2, { what: "the clock an hour behind" });
    await skewClock(folder.path, 0, "hitting-process");
    await eventually(async () => Math.abs((await now()) - Date.now()) < hourMs / 2, { what: "the right time again" });
    await giveOrder(folder.path, "controller.before-ack", { action: "kill" });
    assert.equal((await ended).signal, "SIGKILL");
    assert.equal((await firedOrder(folder.path, "controller.before-ack"))?.pid, child.pid);
  });

  it("stands still at `stop` until it is told to go on, and goes on by itself after `delay`", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "controller.before-ack", { action: "stop" });
    await giveOrder(folder.path, "controller.after-ack", { action: "delay", delayMs: 5 });
    const { child, ended } = start(folder.path, ["controller.before-ack", "controller.after-ack"]);
    await eventually(() => firedOrder(folder.path, "controller.before-ack"), { what: "the stop" });
    assert.equal(await firedOrder(folder.path, "controller.after-ack"), undefined);
    await eventually(async () => / T /.test(await readFile(`/proc/${child.pid}/stat`, "utf8")), { what: "a stopped process" });
    child.kill("SIGCONT");
    assert.equal((await ended).code, 0);
    assert.notEqual(await firedOrder(folder.path, "controller.after-ack"), undefined);
  });

  it("fires by chance, again and again, where a probability is given", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "any", { action: "delay", probability: 0.5, seed: "s" });
    await hit(folder.path, ...Array.from({ length: 200 }, () => "mirror.before-push"));
    const count = (await allFired(folder.path)).length;
    assert.ok(count > 50 && count < 150, `${count} of 200`);
  });

  it("does nothing without a control folder", async () => {
    assert.equal((await hit(undefined, ...FAILPOINTS)).lines.length, FAILPOINTS.length);
  });
});

describe("arm: a process that was not loaded with it", () => {
  it("ignores the control folder", async () => {
    await using folder = await tempDir("arm");
    await giveOrder(folder.path, "any", { action: "kill" });
    const { code, lines } = await start(folder.path, FAILPOINTS, { armed: false }).ended;
    assert.deepEqual([code, lines.length], [0, FAILPOINTS.length]);
    assert.deepEqual(await allFired(folder.path), []);
  });
});

describe("orders", () => {
  it("orderName: no two orders share a file", () => {
    const names = FAILPOINTS.flatMap((failpoint) => [orderName(failpoint), orderName(failpoint, "keeper-daemon")]);
    assert.equal(new Set([...names, orderName("any"), orderName("any", "keeper-daemon")]).size, 2 * FAILPOINTS.length + 2);
  });
});
