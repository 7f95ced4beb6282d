import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type FailureCode, TriplaneError } from "@triplane/contract";
import { systemClock, systemRandom, tryProcessLock } from "@triplane/kit";
import { type Mode, modeSchema } from "../modes/schema.ts";
import { openRuns } from "./open-runs.ts";
import { isAlive, until } from "./testing/processes.ts";
import type { ExecOptions, RunEvent, Runs, RunView } from "./types.ts";

const base = mkdtempSync(join(tmpdir(), "triplane-runs-"));
after(() => rmSync(base, { recursive: true, force: true }));

type StepInput = Partial<Omit<Mode["steps"][number], "depends_on">> & { readonly id: string; readonly needs?: readonly string[] };

interface Scene {
  readonly runs: Runs;
  readonly root: string;
  readonly folder: string;
  readonly mode: Mode;
}

let scenes = 0;

function scene(steps: readonly StepInput[], more: Partial<Mode> & { readonly env?: Readonly<Record<string, string>> } = {}): Scene {
  scenes += 1;
  const root = join(base, String(scenes), "provisioning");
  mkdirSync(root, { recursive: true });
  const { env, ...fields } = more;
  const mode = modeSchema.parse({
    ...{ id: "m", trigger: "t", ...fields },
    steps: steps.map(({ needs = [], ...step }) => ({
      ...{ action: "a", actor: "Ci", ...step },
      depends_on: needs.map((on) => ({ step: on, kind: "Always" })),
    })),
  });
  const folder = join(base, String(scenes), "runs");
  const modes = {
    load: async (id: string) => {
      if (id !== mode.id) throw new TriplaneError("mode_unknown", id);
      return mode;
    },
  };
  const runs = openRuns({ root, folder, modes, env: env ?? { PATH: process.env["PATH"] }, clock: systemClock, random: systemRandom });
  return { runs, root, folder, mode };
}

const exec = (runs: Runs, more: Partial<ExecOptions> = {}) => runs.exec("m", { task: "t", actor: "Ci", ...more });
const states = (run: RunView) => Object.fromEntries(run.steps.map((step) => [step.id, step.state]));
const outputOf = (run: RunView, id: string) => run.steps.find((step) => step.id === id)?.evidence.at(-1)?.output;

function says(code: FailureCode) {
  return (error: unknown) => error instanceof TriplaneError && error.code === code;
}

describe("exec", () => {
  it("runs commands in the root after one another, and leaves evidence", async () => {
    const { runs, root } = scene([
      { id: "b", cmd: "pwd; echo oops >&2; cat made", needs: ["a"] },
      { id: "a", cmd: "echo hello | tee made" },
    ]);
    const run = await exec(runs);
    assert.equal(run.state, "passed");
    assert.equal(outputOf(run, "b"), `${root}\noops\nhello\n`);
    const [evidence] = run.steps[1]?.evidence ?? [];
    assert.equal(evidence?.exitCode, 0);
    assert.match(evidence?.outputDigest ?? "", /^sha256:[0-9a-f]{64}$/);
    assert.equal(evidence?.actor, "Ci");
    assert.deepEqual(await runs.show(run.id, "Ci"), run);
  });

  it("lets commands see little of the environment: parameters, what is ours, what is handed in", async () => {
    const env = { PATH: process.env["PATH"] ?? "", SECRET: "s", TRIPLANE_HOME: "/h", ONTOREF_ACTOR: "agent" };
    const { runs, root } = scene([{ id: "a", cmd: "env | sort" }], { env });
    const run = await exec(runs, { parameters: { who: "x; rm -rf $HOME" }, environment: { TRIPLANE_DRY_RUN: "1" } });
    const seen = new Set((outputOf(run, "a") ?? "").split("\n").map((line) => line.split("=")[0]));
    for (const name of ["PATH", "TRIPLANE_HOME", "PARAM_WHO", "TRIPLANE_DRY_RUN", "ONTOREF_STEP", "ONTOREF_RUN"])
      assert.ok(seen.has(name), name);
    assert.ok(!seen.has("SECRET"));
    assert.match(outputOf(run, "a") ?? "", /^PARAM_WHO=x; rm -rf \$HOME$/m);
    assert.ok(outputOf(run, "a")?.includes(`ONTOREF_PROVISIONING_ROOT=${root}\n`));
    assert.ok(outputOf(run, "a")?.includes("ONTOREF_ACTOR=ci\n"));
  });

  it("a part of a pipe that fails makes the command fail", async () => {
    const run = await exec(scene([{ id: "a", cmd: "no-such-program-here | cat" }]).runs);
    assert.equal(run.state, "failed");
    assert.equal(run.steps[0]?.evidence[0]?.exitCode, 127);
  });

  it("keeps the beginning of a long output, and the digest of all of it", async () => {
    const run = await exec(scene([{ id: "a", cmd: "head -c 3000000 /dev/zero | tr '\\0' x" }]).runs);
    assert.equal(outputOf(run, "a"), "x".repeat(16 * 1024));
    const { createHash } = await import("node:crypto");
    const digest = createHash("sha256").update("x".repeat(3_000_000)).digest("hex");
    assert.equal(run.steps[0]?.evidence[0]?.outputDigest, `sha256:${digest}`);
  });

  it("runs no more commands at a time than it may", async () => {
    const steps = Array.from({ length: 6 }, (_, index) => ({ id: `s${index}`, cmd: "echo" }));
    let running = 0;
    let most = 0;
    const onEvent = ({ what }: RunEvent): void => {
      if (what === "started") running += 1;
      if (what === "ended") running -= 1;
      most = Math.max(most, running);
    };
    assert.equal((await exec(scene(steps).runs, { jobs: 2, onEvent })).state, "passed");
    assert.equal(most, 2);
  });

  it("tries again as often as the mode says", async () => {
    const { runs } = scene([{ id: "a", cmd: 'test "$ONTOREF_ATTEMPT" = 3', on_error: { strategy: "Retry", max: 5, delay: 0 } }]);
    const run = await exec(runs);
    assert.equal(run.state, "passed");
    assert.deepEqual(
      run.steps[0]?.evidence.map(({ attempt, exitCode }) => [attempt, exitCode]),
      [
        [1, 1],
        [2, 1],
        [3, 0],
      ],
    );
  });

  it("ends a command that takes too long, with all that it started", async () => {
    const { runs, root } = scene([{ id: "a", cmd: "sleep 1000 & echo $! > pid; wait", timeout_s: 4 }]);
    const run = await exec(runs);
    assert.deepEqual([run.state, run.steps[0]?.evidence[0]?.timedOut], ["failed", true]);
    const pid = Number(readFileSync(join(root, "pid"), "utf8"));
    await until(() => !isAlive(pid));
  });

  it("does not wait for what a command leaves behind", async () => {
    const { runs, root } = scene([{ id: "a", cmd: "sleep 1000 & echo $! > pid" }]);
    assert.equal((await exec(runs)).state, "passed");
    const pid = Number(readFileSync(join(root, "pid"), "utf8"));
    await until(() => !isAlive(pid));
  });

  it("runs only what is for its actor; the others wait for theirs", async () => {
    const { runs } = scene([
      { id: "a", cmd: "true" },
      { id: "sign", actor: "Human", needs: ["a"] },
      { id: "z", cmd: "true", actor: "Any", needs: ["sign"] },
    ]);
    const run = await exec(runs);
    assert.deepEqual([run.state, run.ready, states(run)], ["open", [], { a: "pass", sign: "ready", z: "waiting" }]);
    assert.deepEqual((await runs.show(run.id, "Human")).ready, ["sign"]);
    await assert.rejects(runs.report("m", "sign", { status: "pass", actor: "Agent" }), says("step_not_yours"));
    assert.deepEqual((await runs.report("m", "sign", { status: "pass", actor: "Human" })).ready, ["z"]);
    assert.equal((await exec(runs, { run: run.id.slice(-12) })).state, "passed");
  });

  it("a signal ends what runs and leaves the run open, to go on with", async () => {
    const { runs, root } = scene([
      { id: "a", cmd: "test -e go || { touch began; sleep 1000; }" },
      { id: "b", cmd: "true", needs: ["a"] },
    ]);
    const stopping = new AbortController();
    const running = exec(runs, { signal: stopping.signal });
    await until(() => existsSync(join(root, "began")));
    stopping.abort();
    const run = await running;
    assert.equal(run.state, "open");
    assert.equal(run.steps[0]?.evidence[0]?.interrupted, true);
    writeFileSync(join(root, "go"), "");
    assert.equal((await exec(runs, { run: run.id })).state, "passed");
  });
});

describe("exec after a crash (`persist-before-ack`)", () => {
  it("goes on where the killed process was: what had ended is not run again, what ran is, its leftovers ended", async () => {
    const count = (name: string) => `echo x >> ${name}`;
    const { runs, root, folder, mode } = scene([
      { id: "a", cmd: `${count("a")}; echo $PPID > starter` },
      { id: "b", cmd: `${count("b")}; test -e go || { echo $$ > pid; sleep 1000; }`, needs: ["a"] },
      { id: "c", cmd: count("c"), needs: ["b"] },
    ]);
    const killed = spawn(process.execPath, [join(import.meta.dirname, "testing/execute-mode.ts"), JSON.stringify(mode), folder, root]);
    await until(() => existsSync(join(root, "pid")) && readFileSync(join(root, "pid"), "utf8").endsWith("\n"));
    killed.kill("SIGKILL");
    await new Promise((resolve) => killed.once("close", resolve).stdout.resume());
    const [left] = await runs.list();
    assert.ok(left !== undefined);
    assert.deepEqual(states(left), { a: "pass", b: "running", c: "waiting" });
    const pid = Number(readFileSync(join(root, "pid"), "utf8"));

    // Of those that start shells, the ones without a command end by themselves.
    await until(() => !isAlive(Number(readFileSync(join(root, "starter"), "utf8"))));

    writeFileSync(join(root, "go"), "");
    await assert.rejects(exec(runs, { run: left.id, interrupted: "ask" }), says("step_interrupted"));
    const told: string[] = [];
    const run = await exec(runs, { run: left.id, onEvent: ({ step, what }) => void told.push(`${step} ${what}`) });
    assert.equal(told[0], "b interrupted");
    assert.equal(run.state, "passed");
    assert.equal(run.task, "to be killed");
    assert.deepEqual(
      ["a", "b", "c"].map((name) => readFileSync(join(root, name), "utf8").length / 2),
      [1, 2, 1],
    );
    assert.deepEqual(
      run.steps[1]?.evidence.map((each) => each.interrupted ?? each.exitCode),
      [true, 0],
    );
    await until(() => !isAlive(pid));
  });
});

describe("start and report", () => {
  const steps: readonly StepInput[] = [{ id: "a" }, { id: "b", needs: ["a"] }];

  it("closes steps by hand and says what became ready; the newest open run is meant", async () => {
    const { runs } = scene(steps);
    await runs.start("m", { task: "first", actor: "Ci" });
    const run = await runs.start("m", { task: "second", actor: "Ci" });
    assert.deepEqual(run.ready, ["a"]);
    const reported = await runs.report("m", "a", { status: "pass", output: "seen" });
    assert.deepEqual([reported.id, reported.ready, outputOf(reported, "a")], [run.id, ["b"], "seen"]);
    assert.equal((await runs.report("m", "b", { status: "skip" })).state, "passed");
    assert.deepEqual(
      (await runs.list()).map(({ task, state }) => [task, state]),
      [
        ["second", "passed"],
        ["first", "open"],
      ],
    );
  });

  it("refuses what cannot be, and says why", async () => {
    const { runs, folder } = scene(steps);
    await assert.rejects(runs.report("m", "a", { status: "pass" }), says("run_unknown"));
    await assert.rejects(runs.show("ffff", "Ci"), says("run_unknown"));
    await assert.rejects(runs.start("m", { task: "", actor: "Ci", parameters: { "Bad-Name": "x" } }), says("run_invalid"));
    await assert.rejects(runs.start("m", { task: "", actor: "Ci", parameters: { name: "a\0b" } }), says("run_invalid"));
    const run = await runs.start("m", { task: "", actor: "Ci" });
    await assert.rejects(runs.report("m", "nope", { status: "pass" }), says("step_unknown"));
    await assert.rejects(
      runs.report("m", "b", { status: "pass" }),
      (error) => says("step_not_ready")(error) && /b waits for a/.test(String(error)),
    );
    const lock = await tryProcessLock(join(folder, run.id, "lock"));
    assert.ok("release" in lock);
    await assert.rejects(runs.report("m", "a", { status: "pass" }), says("run_busy"));
    await lock.release();
    assert.equal((await runs.cancel(run.id, "Human")).state, "cancelled");
    await assert.rejects(runs.report("m", "a", { status: "pass", run: run.id }), says("run_ended"));
  });
});

describe("conditions", () => {
  it("are checked where they can be, and name the steps that need what is missing", async () => {
    const { runs, root } = scene(
      [
        { id: "a", cmd: "no-such-program x | cat" },
        { id: "b", cmd: "echo no-such-program-either" },
      ],
      {
        preconditions: [
          "bash is available in PATH",
          "no-such-program is available in PATH",
          "provisioning/f is readable",
          "g is readable",
          "All is well",
        ],
        postconditions: ["provisioning/f is readable", "Somebody is happy"],
      },
    );
    writeFileSync(join(root, "f"), "");
    const run = await exec(runs);
    assert.deepEqual(
      run.preconditions.map(({ verdict }) => verdict),
      ["holds", "fails", "holds", "fails", "unchecked"],
    );
    assert.deepEqual(run.preconditions[1]?.affects, ["a"]);
    assert.match(run.preconditions[3]?.saw ?? "", /\/g cannot be read$/);
    assert.deepEqual(
      run.postconditions.map(({ verdict }) => verdict),
      ["holds", "unchecked"],
    );
  });
});
