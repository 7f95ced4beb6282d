import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { sleep } from "@triplane/kit";
import { type CommandOptions, type CommandResult, runCommand } from "./command.ts";
import { ShellPool } from "./shell-pool.ts";
import { isAlive, until } from "./testing/processes.ts";

const base = mkdtempSync(join(tmpdir(), "triplane-command-"));
const pools: ShellPool[] = [];
after(() => {
  for (const pool of pools) pool.close();
  rmSync(base, { recursive: true, force: true });
});

interface Scene {
  readonly root: string;
  run(cmd: string, more?: Partial<CommandOptions>): Promise<CommandResult>;
}

/** One starter, so that every command comes after another one in the same place. */
function scene(env: Readonly<Record<string, string>> = {}): Scene {
  const root = mkdtempSync(join(base, "root-"));
  const shells = new ShellPool({ cwd: root, env: { PATH: process.env["PATH"] ?? "", ...env }, folder: join(root, "output"), size: 1 });
  pools.push(shells);
  const rest = { step: "a", attempt: 1, shells, timeoutMs: 600_000, signal: new AbortController().signal };
  return { root, run: (cmd, more) => runCommand({ ...rest, cmd, ...more }) };
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const contentOf = (...path: string[]) => readFileSync(join(...path), "utf8").trim();

describe("runCommand: isolation", () => {
  it("what a command sets is gone with it", async () => {
    const { root, run } = scene();
    const look = `echo "$PWD $(umask) $(ulimit -n) $left $(type -t left) $- $(trap -p) $(ls /proc/self/fd | wc -l) $# $1"`;
    const before = await run(look);
    await run(
      `cd /; umask 0; ulimit -n 20; export left=1; left() { :; }; set -x; shopt -s extglob; trap 'true' EXIT; exec 7</dev/null 9>&1; set -- x`,
    );
    assert.deepEqual(await run(look), before);
    assert.match(before.output, new RegExp(`^${root} `));
  });

  it("each is a process of its own, and leads its group", async () => {
    const { run } = scene();
    const ids = (await Promise.all([1, 2, 3].map(() => run(`echo $$ $(ps -o pgid= -p $$)`)))).map(({ output }) => output.trim().split(" "));
    for (const [id, group] of ids) assert.equal(group, id);
    assert.equal(new Set(ids.map(([id]) => id)).size, 3);
  });

  it("finds what a bash finds that was started for it, also where files cannot be run", async () => {
    const look = `echo "$0 $# $- $BASH_SUBSHELL \${SHLVL} $((SECONDS < 60))"; [[ $$ = "$BASHPID" ]] && echo own; break 2>/dev/null; echo "on [$!]"; jobs; hash; trap -p; alias; set -o; shopt; compgen -v; env | cut -d= -f1`;
    const copied = scene();
    const started = scene();
    chmodSync(join(started.root, "output", "bash"), 0o600);
    const [mine, its] = [await copied.run(look), await started.run(look)];
    assert.match(mine.output, /^bash 0 \w+ 0 1 1\nown\non \[\]\n/);
    assert.equal(mine.output, its.output);
  });

  it("draws random numbers of its own", async () => {
    const { run } = scene();
    assert.notEqual((await run("echo $RANDOM $RANDOM $RANDOM")).output, (await run("echo $RANDOM $RANDOM $RANDOM")).output);
  });

  it("has nothing but an empty input, two outputs, and no start-up file", async () => {
    const home = mkdtempSync(join(base, "home-"));
    writeFileSync(join(home, ".bashrc"), "echo from bashrc\n");
    writeFileSync(join(home, ".bash_profile"), "echo from profile\n");
    const { run } = scene({ HOME: home });
    assert.equal(
      (await run("read line; echo $? $(cat | wc -c); for fd in {0..9}; do { : <&$fd; } && echo $fd; done 2>/dev/null")).output,
      "1 0\n0\n1\n2\n",
    );
  });

  it("what leaves its group and holds the output does not write into the next one's", async () => {
    const { run } = scene();
    const first = await run(`setsid bash -c 'trap "" PIPE; until [[ -e go ]]; do sleep 0.02; done; echo late; touch done' & echo first`);
    assert.deepEqual([first.exitCode, first.output], [0, "first\n"]);
    assert.equal((await run("touch go; until [[ -e done ]]; do sleep 0.02; done; echo second")).output, "second\n");
  });
});

describe("runCommand: evidence", () => {
  it("tells the exit code, and the signal as a shell does", async () => {
    const { run } = scene();
    const codes = [];
    for (const cmd of ["exit 3", "kill -9 $$", "kill -TERM $$", "true", "exec false", "kill -9 0"]) codes.push((await run(cmd)).exitCode);
    assert.deepEqual(codes, [3, 137, 143, 0, 1, 137]);
  });

  it("digests bytes as they are", async () => {
    const { root, run } = scene();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256);
    writeFileSync(join(root, "bytes"), bytes);
    assert.equal((await run("cat bytes")).outputDigest, digestOf(bytes));
    assert.equal((await run("true")).outputDigest, digestOf(new Uint8Array()));
  });

  it("passes on what a command writes while it runs, both outputs in their order", async () => {
    const { root, run } = scene();
    let seen = "";
    const onOutput = (text: string): void => {
      seen += text;
      if (seen === "one\ntwo\n") writeFileSync(join(root, "go"), "");
    };
    const { output } = await run("echo one; echo two >&2; until [[ -e go ]]; do sleep 0.02; done; echo three", { onOutput });
    assert.deepEqual([output, seen], ["one\ntwo\nthree\n", "one\ntwo\nthree\n"]);
  });

  it("takes commands of every form and length", async () => {
    const { run } = scene();
    assert.equal((await run("cat <<'END'\n$x `y` \\\nEND\n# a comment at the end")).output, "$x `y` \\\n");
    assert.equal((await run(`echo ${"x".repeat(60_000)} | wc -c`)).output.trim(), "60001");
    assert.equal((await run("if", {})).exitCode, 2);
    assert.match((await run(":\nno-such-program-here")).output, /: line 2: no-such-program-here: /);
  });
});

describe("runCommand: ends", () => {
  it("the group of a command that was ended, also what does not want to end with it", async () => {
    const { root, run } = scene();
    const stopping = new AbortController();
    const running = run(`trap 'exit 1' TERM; (trap '' TERM; exec sleep 1000) >/dev/null 2>&1 & echo $! > pid; touch began; wait`, {
      signal: stopping.signal,
    });
    await until(() => existsSync(join(root, "began")));
    stopping.abort();
    assert.equal((await running).stopped, true);
    await until(() => !isAlive(Number(contentOf(root, "pid"))));
    assert.equal((await run("echo next")).output, "next\n");
  });

  it("runs nothing once it was told to stop", async () => {
    const { root, run } = scene();
    const result = await run("touch ran", { signal: AbortSignal.abort() });
    assert.equal(result.stopped, true);
    await run("true");
    assert.ok(!existsSync(join(root, "ran")));
  });

  it("a command whose starter was killed, without an exit code; the next one has another", async () => {
    const { root, run } = scene();
    const { exitCode, output } = await run("echo $$ > pid; kill -9 $PPID; sleep 1000");
    assert.equal(exitCode, undefined);
    assert.match(output, /the process that starts shells has ended/);
    await until(() => !isAlive(Number(contentOf(root, "pid"))));
    assert.equal((await run("echo next")).output, "next\n");
  });

  it("a shell that is killed while it waits: its command is run by no other, and the next one is run", async () => {
    const { root, run } = scene();
    const starter = (await run("touch ran; echo $PPID")).output.trim();
    const waiting = () => contentOf("/proc", starter, "task", starter, "children");
    await until(() => waiting() !== "");
    process.kill(Number(waiting()), "SIGKILL");
    const results = [await run("echo x >> ran"), await run("echo x >> ran")];
    assert.equal(results[1]?.exitCode, 0);
    const passed = results.filter(({ exitCode }) => exitCode === 0);
    assert.equal(contentOf(root, "ran").split("\n").length, passed.length);
  });

  it("says so where bash cannot be started", async () => {
    const { run } = scene({ PATH: "/nowhere" });
    const { exitCode, output } = await run("true");
    assert.equal(exitCode, 127);
    assert.match(output, /bash could not be started/);
  });

  it("does not take a stop for an end", async () => {
    const { root, run } = scene();
    const running = run("echo $$ > pid; kill -STOP $$; echo went on");
    const state = () => (existsSync(join(root, "pid")) ? contentOf(root, "pid") : "");
    await until(() => state() !== "" && /^State:\s+T/m.test(readFileSync(`/proc/${state()}/status`, "utf8")));
    await sleep(100);
    process.kill(Number(state()), "SIGCONT");
    const { exitCode, output } = await running;
    assert.deepEqual([exitCode, output], [0, "went on\n"]);
  });
});
