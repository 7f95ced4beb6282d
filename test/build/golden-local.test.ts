// `triplane golden` on golden roots of this machine: real packages, a real canary, a real build in it; killed and broken on the way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findTool } from "@triplane/kit";
import { leftovers, whyNoRunners } from "@triplane/provider-local/testing";
import { ARMING_MODULE, firedOrder, giveOrder, type TempDir, tempDir } from "@triplane/testkit";
import { ROOT } from "../e2e/installation.ts";
import { type Ran, run } from "../e2e/program.ts";

const skip = (await whyNoRunners()) ?? false;
const PROGRAM = join(ROOT, "packages/cli/src/main.ts");
const TIMEOUT_MS = 800_000;
const cache = process.env["XDG_CACHE_HOME"];
const ARCHIVES = join(cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), ".cache"), "triplane", "debian");

describe("triplane golden --provider local", { skip, timeout: TIMEOUT_MS }, () => {
  let folder: TempDir;
  let golden: string;
  before(async () => {
    folder = await tempDir("golden-local");
    golden = join(folder.path, "golden");
  });
  after(() => folder[Symbol.asyncDispose]());

  const argv = (verb: string, ...more: readonly string[]): string[] => {
    const building = verb === "build" ? ["--archives", ARCHIVES] : [];
    return [
      PROGRAM,
      "golden",
      verb,
      "--provider",
      "local",
      "--golden-dir",
      golden,
      "--network",
      "10.202.7.0/28",
      "--json",
      ...building,
      ...more,
    ];
  };
  const triplane = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
    run(process.execPath, args, { cwd: folder.path, env: { ...process.env, ...env }, timeoutMs: TIMEOUT_MS });
  const data = async (verb: string, ...more: readonly string[]) => {
    const ran = await triplane(argv(verb, ...more));
    assert.equal(ran.code, 0, ran.err);
    return { ...JSON.parse(ran.out), said: ran.err };
  };
  /** Roots, and whatever of canaries and half-made roots is on the machine. */
  const there = async () => {
    const names = await readdir(golden);
    const canaries = join(golden, ".work", "canaries");
    const runners = (await readdir(canaries).catch(() => [])).length;
    return {
      roots: names.filter((name) => name.startsWith("sha256-")).length,
      half: names.filter((name) => /^\.(?:new|trash)/.test(name)).length,
      runners,
    };
  };

  it("status: without an image it is `missing`, and the exit code says so", async () => {
    const ran = await triplane(argv("status"));
    assert.deepEqual([ran.code, JSON.parse(ran.out).verdict], [1, "missing"]);
  });

  it("build: killed while it builds the root, and while its canary runs; the next command leaves nothing of either", async () => {
    const faults = join(folder.path, "faults");
    const env = { TRIPLANE_FAULTS_DIR: faults, TRIPLANE_FAULTS_NAME: "triplane" };
    const armed = (...args: readonly string[]) => ["--disable-warning=ExperimentalWarning", `--import=${ARMING_MODULE}`, ...args];
    const child = spawn(process.execPath, argv("build"), { stdio: ["ignore", "ignore", "pipe"], cwd: folder.path });
    for await (const chunk of child.stderr) if (String(chunk).includes("unpacked")) child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal((await there()).half, 1);
    await giveOrder(faults, "golden.before-smoke", { action: "kill" });
    await triplane(armed(...argv("build")), env);
    assert.notEqual(await firedOrder(faults, "golden.before-smoke"), undefined);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 1 });
    const [canary = ""] = await readdir(join(golden, ".work", "canaries"));
    const { id } = JSON.parse(await readFile(join(golden, ".work", "canaries", canary, "runner.json"), "utf8"));
    const { swept } = await data("prune");
    assert.equal(swept.length, 2, JSON.stringify(swept));
    assert.deepEqual(await there(), { roots: 0, half: 0, runners: 0 });
    assert.deepEqual(await leftovers(id, join(golden, ".work", "canaries")), []);
  });

  it("build: from nothing to current; its contents are a file, and the command says so", async () => {
    const built = await data("build");
    assert.deepEqual([built.promoted, built.unchanged, built.previous], [true, false, undefined]);
    assert.equal(built.contents.reference, undefined);
    const spdx = JSON.parse(await readFile(built.contents.file, "utf8"));
    assert.equal(spdx.spdxVersion, "SPDX-2.3");
    const names = new Set(spdx.packages.map(({ name }: { name: string }) => name));
    for (const name of ["openssh-server", "rsync", "runc", "buildkitd", "libc6"]) assert.ok(names.has(name), name);
    assert.ok(built.packages > 50);
    const status = await data("status");
    assert.deepEqual([status.verdict, status.current.id, status.current.smoke], ["fresh", built.current.id, true]);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
  });

  it("build: a BuildKit that cannot build makes no image: the candidate is gone, the current one stays", async () => {
    const before_ = await data("status");
    const broken = join(folder.path, "broken");
    await mkdir(broken);
    await symlink((await findTool("buildkitd")).path, join(broken, "buildkitd"));
    await symlink((await findTool("runc")).path, join(broken, "runc"));
    const script = `#!/bin/sh\ncase "$1" in --version) echo "buildctl github.com/moby/buildkit v0.32.2";; build) echo "no space left" >&2; exit 1;; esac\n`;
    await writeFile(join(broken, "buildctl"), script, { mode: 0o755 });
    const PATH = [broken, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    const ran = await triplane(argv("build"), { PATH, XDG_CACHE_HOME: join(folder.path, "no-cache") });
    assert.equal(ran.code, 1, ran.err);
    const { error } = JSON.parse(ran.err.trim().split("\n").at(-1) ?? "");
    assert.deepEqual([error.code, error.message.includes("no space left")], ["golden_smoke_failed", true]);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
    assert.equal((await data("status")).current.id, before_.current.id);
  });

  it("build again: a package more is another image, and the one before it is kept; rollback goes back, and prune keeps what is kept", async () => {
    const first = await data("status");
    const built = await data("build", "--package", "jq");
    assert.deepEqual([built.promoted, built.previous.id], [true, first.current.id]);
    assert.deepEqual(await data("prune").then(({ removed, swept, in_use }) => ({ removed, swept, in_use })), {
      removed: [],
      swept: [],
      in_use: [],
    });
    const back = await data("rollback");
    assert.equal(back.current.id, first.current.id);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
    const again = await triplane(argv("rollback"));
    assert.deepEqual([again.code, JSON.parse(again.err.trim().split("\n").at(-1) ?? "").error.code], [1, "golden_refused"]);
  });

  it("build: the same content is the same image, and is fresh again", async () => {
    const first = await data("status");
    const record = join(golden, first.current.id, "golden.json");
    const old = { ...JSON.parse(await readFile(record, "utf8")), created_at: Math.floor(Date.now() / 1000) - 15 * 24 * 3600 };
    await writeFile(record, JSON.stringify(old));
    const aged = await triplane(argv("status"));
    assert.deepEqual([aged.code, JSON.parse(aged.out).verdict], [1, "too-old"]);
    const built = await data("build");
    assert.deepEqual([built.unchanged, built.current.id], [true, first.current.id]);
    assert.equal((await data("status")).verdict, "fresh");
  });
});
