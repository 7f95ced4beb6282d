import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { triplaneAt } from "./e2e/in-process.ts";
import { type Installation, installation } from "./e2e/installation.ts";
import { type Ran, run } from "./e2e/program.ts";

// One workspace for the whole file: its planes are real processes and take a while to come up.
let installed: Installation;
before(async () => {
  installed = await installation("cli");
  assert.equal((await triplane("init")).code, 0);
  const up = await triplane("up", "--detach", "--json");
  assert.equal(up.code, 0, up.err);
});
after(async () => {
  await triplane("down");
  await installed[Symbol.asyncDispose]();
});

const ranAsProgram = new Set<string>();

/** Each command is once the program, and from then on the program's shell in this process where that makes no difference. */
function triplane(...args: readonly string[]): Promise<Ran> {
  const command = args
    .filter((word) => !word.startsWith("-"))
    .slice(0, 2)
    .join(" ");
  if (ranAsProgram.has(command)) return triplaneAt(installed, args);
  ranAsProgram.add(command);
  return run(installed.program("triplane"), args, { cwd: installed.folder, env: installed.env });
}

function data<T>(ran: Ran): T {
  assert.notEqual(ran.out, "", ran.err);
  return JSON.parse(ran.out) as T;
}

function failureCode(ran: Ran): string {
  return (JSON.parse(ran.err.trim().split("\n").at(-1) ?? "") as { error: { code: string } }).error.code;
}

interface Outcome {
  readonly outcome: string;
  readonly code?: string;
  readonly versionAfter?: number;
}

interface Submitted {
  readonly op: { readonly jti: string; readonly outcome?: Outcome };
}

async function submit(...args: readonly string[]): Promise<string> {
  const ran = await triplane("op", "submit", ...args, "--quiet");
  assert.equal(ran.code, 0, ran.err);
  return ran.out.trim();
}

async function reviewed(): Promise<void> {
  const listed = data<{ reviews: unknown[] }>(await triplane("keeper", "list", "--as", "ben", "--wait-for", "20s", "--json"));
  assert.equal(listed.reviews.length, 1);
}

interface PlaneJson {
  readonly plane: string;
  readonly state: string;
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly healthy: boolean }[];
}

async function planes(): Promise<readonly PlaneJson[]> {
  return data<{ planes: readonly PlaneJson[] }>(await triplane("status", "--json")).planes;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("triplane up, status, down", () => {
  it("status says that everything is healthy, with exit code 0", async () => {
    const ran = await triplane("status", "--json");
    assert.equal(ran.code, 0, ran.out);
    const names = (await planes()).flatMap((plane) => plane.processes.map((each) => each.name)).sort();
    assert.deepEqual(names, [
      "audit-mirror",
      "desired-sync",
      "keeper-daemon",
      "nats-server",
      "ops-controller",
      "orchestrator",
      "validator",
    ]);
  });

  it("up leaves what runs as it is", async () => {
    const pids = async () => (await planes()).flatMap((plane) => plane.processes.map((each) => each.pid));
    const before = await pids();
    assert.equal((await triplane("up", "--detach")).code, 0);
    assert.deepEqual(await pids(), before);
  });

  it("init --force does not replace a workspace that runs", async () => {
    assert.equal(failureCode(await triplane("init", "--force", "--json")), "home_exists");
  });

  it("a plane goes down and comes up alone, and status then says so with exit code 1", async () => {
    assert.equal((await triplane("down", "--plane", "ci")).code, 0);
    const ran = await triplane("status", "--json");
    assert.equal(ran.code, 1);
    assert.deepEqual(
      data<{ planes: PlaneJson[] }>(ran).planes.map((plane) => [plane.plane, plane.state]),
      [
        ["workload", "up"],
        ["signing", "up"],
        ["ci", "down"],
      ],
    );
    assert.equal((await triplane("up", "--plane", "ci", "--detach")).code, 0);
  });

  it("up finds the processes of a supervisor that was killed, ends them, and starts the plane again", async () => {
    const [before] = (await planes()).filter((plane) => plane.plane === "signing");
    const record = JSON.parse(await readFile(join(installed.folder, ".triplane/run/plane-signing.json"), "utf8")) as {
      process: { pid: number };
    };
    process.kill(record.process.pid, "SIGKILL");
    await eventually(() => !alive(record.process.pid), { what: "the end of the supervisor" });
    const orphan = before?.processes[0]?.pid ?? 0;
    assert.ok(alive(orphan), "the keeper outlives its supervisor");
    assert.equal((await triplane("up", "--plane", "signing", "--detach")).code, 0);
    await eventually(() => !alive(orphan), { timeoutMs: 3_000, what: "the end of the orphan" });
  });

  it("says usage for a plane that there is not", async () => {
    assert.equal((await triplane("up", "--plane", "astral")).code, 2);
  });
});

describe("triplane op, keeper, policy", () => {
  it("an op that was signed once is applied once, however often it is sent", async () => {
    const jti = await submit("component.deploy", "web", "--arg", "component=web");
    assert.equal((await triplane("op", "wait", jti)).code, 0);
    const compact = (await triplane("op", "show", jti, "--compact")).out;
    await writeFile(join(installed.folder, "op.jwt"), compact);
    const again = data<Submitted>(await triplane("op", "submit", "--signed", "op.jwt", "--wait", "--json"));
    assert.equal(again.op.jti, jti);
    assert.equal(again.op.outcome?.versionAfter, 1);
    const log = data<{ records: { subject: string }[] }>(await triplane("ledger", "log", "--json"));
    assert.equal(log.records.filter((each) => each.subject === jti).length, 1);
  });

  it("policy explain says what the keeper will decide, with exit code 1 for a refusal", async () => {
    const jti = await submit("component.restart", "kv", "--as", "scout");
    const refused = await triplane("policy", "explain", jti, "--as", "scout");
    assert.equal(refused.code, 1);
    assert.match(refused.out, /refuse \(scope_exceeded\) by rule web-care/);
    const ended = await triplane("op", "wait", jti, "--as", "scout", "--json");
    assert.equal(ended.code, 1);
    assert.equal(data<Outcome>(ended).code, "scope_exceeded");
    const allowed = await triplane("policy", "explain", "op.jwt");
    assert.equal(allowed.code, 0);
    assert.match(allowed.out, /admit, without a person, by rule routine/);
  });

  it("break-glass: nothing without a sealed key and a rule, and nothing past a controller that runs", async () => {
    const wish = ["component.restart", "web", "--as", "ana"];
    const code = (ran: { readonly err: string }) => /code: (\w+)/.exec(ran.err)?.[1];
    const without = await triplane("break-glass", "sign", ...wish);
    assert.deepEqual([without.code, code(without)], [2, "usage"]);
    const own = await triplane("break-glass", "sign", ...wish, "--key", ".triplane/keys/ana.json");
    assert.deepEqual([own.code, code(own)], [1, "policy_denied"]);
    assert.match(own.err, /no key of ana that is kept for it broke the glass/);
    for (const [verb, ...more] of [["send", "--as", "ana"], ["apply"]] as const)
      assert.equal((await triplane("break-glass", verb, "missing.jwt", ...more)).code, 2);
    const sent = await triplane("break-glass", "send", "op.jwt", "--as", "ana");
    assert.deepEqual([sent.code, code(sent)], [1, "typ_refused"]);
    const machine = await triplane("break-glass", "send", "op.jwt", "--as", "scout");
    assert.deepEqual([machine.code, code(machine)], [1, "key_unknown"]);
    const beside = await triplane("break-glass", "apply", "op.jwt");
    assert.deepEqual([beside.code, code(beside)], [1, "store_locked"]);
    const list = await triplane("break-glass", "list");
    assert.deepEqual([list.code, list.out.trim()], [0, "Nobody broke the glass."]);
  });

  it("a rejection by a reviewer ends the op, and is in its receipt", async () => {
    const jti = await submit("component.remove", "web", "--reason", "a test");
    await reviewed();
    assert.equal((await triplane("keeper", "reject", jti, "--as", "ben", "--comment", "not today")).code, 0);
    const ended = await triplane("op", "wait", jti, "--json");
    assert.equal(ended.code, 1);
    assert.equal(data<Outcome>(ended).code, "review_rejected");
    assert.equal((await triplane("op", "wait", jti, "--ledger", "--json")).code, 1);
    const receipt = await triplane("receipt", jti);
    assert.equal(receipt.code, 0, receipt.err);
    await writeFile(join(installed.folder, "receipt.json"), receipt.out);
    assert.equal((await triplane("verify", "receipt.json")).code, 0);
  });

  it("a receipt that was changed is not valid, and one without an anchor is not enough (`no-fail-open`)", async () => {
    const receipt = JSON.parse(await readFile(join(installed.folder, "receipt.json"), "utf8")) as Record<string, unknown>;
    await writeFile(join(installed.folder, "changed.json"), JSON.stringify({ ...receipt, workspace: "another" }));
    const changed = await triplane("verify", "changed.json", "--json");
    assert.equal(changed.code, 1);
    assert.equal(data<{ consistent: boolean }>(changed).consistent, false);
    const options = { cwd: join(installed.folder, ".."), env: installed.env };
    const unanchored = await run(installed.program("triplane"), ["verify", join(installed.folder, "receipt.json"), "--json"], options);
    assert.equal(unanchored.code, 1);
    assert.deepEqual(
      [data<{ consistent: boolean; ok: boolean }>(unanchored)].map(({ consistent, ok }) => [consistent, ok]),
      [[true, false]],
    );
  });

  it("an issuer withdraws an op that waits, and cannot withdraw one that was admitted", async () => {
    const jti = await submit("component.remove", "web");
    await reviewed();
    assert.equal((await triplane("op", "cancel", jti)).code, 0);
    assert.equal(data<Outcome>(await triplane("op", "wait", jti, "--json")).code, "op_withdrawn");
    assert.equal(failureCode(await triplane("op", "cancel", jti, "--json")), "review_not_found");
  });

  it("keeper-cli has the keeper commands without their noun", async () => {
    const ran = await run(installed.program("keeper-cli"), ["list", "--as", "cleo", "--json"], {
      cwd: installed.folder,
      env: installed.env,
    });
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(data<{ reviews: unknown[] }>(ran).reviews, []);
  });

  it("admit works off the queue, and hands out nothing where nothing waits", async () => {
    const ran = await triplane("keeper", "admit", "--as", "ben", "--json");
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(data<{ worked: unknown[] }>(ran).worked, []);
  });
});

describe("triplane ledger verify", () => {
  it("accepts a mirror clone and a plain clone, and names the record of a changed one with exit code 1", async () => {
    const { path, rid, identityRoot, controller } = data<Record<string, string>>(await triplane("ledger", "path", "--json"));
    const options = { cwd: installed.folder, env: installed.env };
    assert.equal((await run("git", ["clone", "--quiet", "--mirror", path ?? "", "mirror.git"], options)).code, 0);
    assert.equal((await run("git", ["clone", "--quiet", path ?? "", "plain"], options)).code, 0);
    const pins = ["--state-rid", rid ?? "", "--state-root", identityRoot ?? "", "--controller", controller ?? ""];
    assert.equal((await triplane("ledger", "verify", "mirror.git", "--full")).code, 0);
    assert.equal((await triplane("ledger", "verify", "plain", ...pins)).code, 0);
    const file = join(installed.folder, "plain/records/000000/000/000000000000.jsonl");
    const bytes = await readFile(file);
    bytes[400] = (bytes[400] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const tampered = await triplane("ledger", "verify", "plain", ...pins);
    assert.equal(tampered.code, 1);
    assert.match(tampered.out, /✘ record 0 \([0-9a-f-]{36}\)/);
  });

  it("holds a ledger against a checkpoint that was kept, and believes none that the controller did not sign", async () => {
    const kept = join(installed.folder, "kept");
    const note = await readFile(join(installed.folder, "plain/checkpoint"), "utf8");
    const held = async (text: string) => {
      await writeFile(kept, text);
      return await triplane("ledger", "verify", "mirror.git", "--at-least", "kept");
    };
    assert.equal((await held(note)).code, 0);
    const [origin = "", size = "", ...rest] = note.split("\n");
    const forged = await held([origin, String(Number(size) + 1), ...rest].join("\n"));
    assert.equal(forged.code, 1);
    assert.match(forged.err, /ledger_tree_invalid/);
    assert.equal((await held("triplane/other/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5\n1\n")).code, 2);
  });

  it("refuses a ledger that is not the pinned one", async () => {
    const other = ["--state-rid", "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", "--state-root", "a".repeat(40)];
    const ran = await triplane("ledger", "verify", "mirror.git", ...other, "--json");
    assert.equal(ran.code, 1);
    assert.equal(data<{ ok: boolean }>(ran).ok, false);
  });
});

describe("triplane up in the foreground", () => {
  it("stops everything it started when it is told to, components included", { timeout: 120_000 }, async () => {
    await using other = await installation("cli-foreground");
    const options = { cwd: other.folder, env: other.env };
    assert.equal((await run(other.program("triplane"), ["init"], options)).code, 0);
    const child = spawn(other.program("triplane"), ["up", "--json"], { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString("utf8");
    });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const report = await eventually(
      () => out.includes('"type":"up"') && (JSON.parse(out.split("\n")[0] ?? "") as { planes: PlaneJson[] }),
      {
        timeoutMs: 90_000,
        what: "the planes",
      },
    );
    const pids = report.planes.flatMap((plane) => plane.processes.map((each) => each.pid));
    assert.equal(pids.length, 7);
    const components = await eventually(
      async () => {
        const log = await readFile(join(other.folder, ".triplane/logs/orchestrator.log"), "utf8");
        const found = [...log.matchAll(/"replica\.started".*?"pid":(\d+)\}/g)].map((match) => Number(match[1]));
        return found.length >= 2 && found;
      },
      { what: "the components of the desired state" },
    );
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
    // The system's first process may take a moment to collect what has ended.
    for (const pid of [...pids, ...components])
      await eventually(() => !alive(pid), { timeoutMs: 3_000, what: `the end of process ${pid}` });
  });

  it("says start_failed, with the end of the log, where a port is taken, and leaves nothing running", { timeout: 120_000 }, async () => {
    await using other = await installation("cli-port");
    const options = { cwd: other.folder, env: other.env };
    assert.equal((await run(other.program("triplane"), ["init"], options)).code, 0);
    const { ports } = JSON.parse(await readFile(join(other.folder, ".triplane/workspace.json"), "utf8")) as {
      ports: { orchestrator: number };
    };
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(ports.orchestrator, "127.0.0.1", resolve));
    try {
      const ran = await run(other.program("triplane"), ["up", "--plane", "workload", "--detach", "--json"], options);
      assert.equal(ran.code, 1);
      assert.equal(failureCode(ran), "start_failed");
      assert.match(ran.err, /orchestrator/);
    } finally {
      squatter.close();
    }
    const status = data<{ planes: PlaneJson[] }>(await run(other.program("triplane"), ["status", "--json"], options));
    assert.deepEqual(
      status.planes.map((plane) => plane.processes.length),
      [0, 0, 0],
    );
  });
});

describe("triplane completion", () => {
  it("prints a script that bash accepts", async () => {
    const script = await triplane("completion", "bash");
    await writeFile(join(installed.folder, "completion.bash"), script.out);
    const checked = await run("bash", ["-c", "source ./completion.bash && complete -p triplane"], {
      cwd: installed.folder,
      env: installed.env,
    });
    assert.equal(checked.code, 0, checked.err);
  });
});
