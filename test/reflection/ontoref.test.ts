import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { RunView } from "@triplane/reflection";
import { toolOrSkip } from "@triplane/testkit";
import { type Installation, installation, ROOT } from "../e2e/installation.ts";

const MODE = "ops-radicle-build-info";
const PROVISIONING = join(ROOT, "provisioning");

let installed: Installation;
before(async () => {
  installed = await installation("ontoref");
  await symlink(process.execPath, join(dirname(installed.program("ontoref")), "node")).catch(() => undefined);
});
after(() => installed[Symbol.asyncDispose]());

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In provisioning/, with runs in a folder of the test; PATH has our programs, the system's, and what is named. */
function run(
  words: readonly string[],
  more: { readonly path?: readonly string[]; readonly env?: Record<string, string>; readonly program?: string } = {},
): Promise<Ran> {
  const program = more.program ?? installed.program("ontoref");
  const path = [dirname(installed.program("ontoref")), ...(more.path ?? []), "/usr/bin", "/bin"].join(":");
  const env = { HOME: installed.folder, XDG_STATE_HOME: join(installed.folder, "state"), PATH: path, ...more.env };
  return new Promise((resolve) => {
    execFile(program, words, { cwd: PROVISIONING, env, maxBuffer: 1 << 24 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
    });
  });
}

const viewOf = (ran: Ran): RunView => JSON.parse(ran.out) as RunView;

describe("ontoref: the reference mode", () => {
  it("starts and takes reports exactly as its own comment says, until all ten steps are closed", async () => {
    const started = await run(["run", "start", MODE, "--task", "describe architecture"], { env: { ONTOREF_ACTOR: "agent" } });
    assert.equal(started.code, 0, started.err);
    assert.match(started.out, /describe architecture$/m);
    const first = await run(["step", "report", MODE, "plane_topology", "--status", "pass"]);
    assert.equal(first.code, 0, first.err);
    for (let left = 9; left > 0; left -= 1) {
      const status = JSON.parse((await run(["run", "status", MODE, "--json"])).out) as { runs: readonly RunView[] };
      const [step] = status.runs[0]?.ready ?? [];
      assert.ok(step !== undefined, "nothing is ready");
      const closed = await run(["step", "report", MODE, step, "--status", "pass", "--json"]);
      assert.equal(closed.code, 0, closed.err);
      assert.equal(viewOf(closed).state, left === 1 ? "passed" : "open");
    }
  });

  it("runs all ten steps without nickel on PATH, and tells what it could not do", async () => {
    const ran = await run(["run", "exec", MODE, "--json", "--quiet"]);
    assert.equal(ran.code, 0, ran.err);
    const view = viewOf(ran);
    assert.ok(view.steps.every(({ state }) => state === "pass" || state === "fail"));
    const nickel = view.preconditions.find(({ text }) => text === "nickel is available in PATH");
    assert.deepEqual([nickel?.verdict, nickel?.affects], ["fails", ["artifact_paths", "available_playbooks"]]);
    assert.equal(view.steps.find(({ id }) => id === "artifact_paths")?.state, "fail");
    assert.match((await run(["run", "show", view.id])).out, /What it could not do:\n {2}artifact_paths failed with exit code 127/);
  });

  it("runs all ten steps with nickel and jq on PATH, every one of them with data", async (context) => {
    const untested = "the whole reference mode";
    const [nickel, jq] = [await toolOrSkip(context, "nickel", untested), await toolOrSkip(context, "jq", untested)];
    if (nickel === undefined || jq === undefined) return;
    const path = [dirname(nickel), dirname(jq)];
    const ran = await run(["run", "exec", MODE, "--json", "--quiet"], { path });
    const view = viewOf(ran);
    assert.ok(
      view.preconditions.every(({ verdict }) => verdict === "holds"),
      JSON.stringify(view.preconditions),
    );
    const artifacts = view.steps.find(({ id }) => id === "artifact_paths");
    const nodes = JSON.parse(artifacts?.evidence[0]?.output ?? "") as readonly { readonly artifact_paths: readonly string[] }[];
    assert.equal(nodes.length, 3);
    assert.ok(nodes.every(({ artifact_paths }) => artifact_paths.length > 0));
    for (const { id, state, evidence } of view.steps) assert.equal(state, "pass", `${id}: ${evidence[0]?.output}`);
  });
});

describe("nu reflection/handlers/ops-radicle-build-info.nu", () => {
  it("prints a Nushell table of facts that are read live", async (context) => {
    const program = await toolOrSkip(context, "nu", "the handler");
    if (program === undefined) return;
    const handler = ["reflection/handlers/ops-radicle-build-info.nu", "--provisioning-root", "."];
    const ran = await run(["--no-config-file", ...handler], { program });
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /│ +topic +│ +name +│/);
    for (const word of ["OPS_CMD_workspace", "state-repo-single-delegate", "ops-contract-dual-mode", MODE, "cx52"])
      assert.ok(ran.out.includes(word), word);
    const missing = await run(["--no-config-file", handler[0] ?? "", "--provisioning-root", "/"], { program });
    assert.notEqual(missing.code, 0);
    assert.match(missing.err, /reflection\/modes/);
  });
});
