// `triplane golden` on golden roots of this machine: real packages, a real canary, a real build in it; killed and broken on the way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { asBuilder, ContentsShelf, releaseGolden, sshShell } from "@triplane/golden";
import { systemClock, systemRandom } from "@triplane/kit";
import { DEFAULT_RECIPE, GoldenStore, localGoldenImages, openLocalProvider } from "@triplane/provider-local";
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
    const place = ["--golden-dir", golden, "--network", "10.202.7.0/28"];
    return [PROGRAM, "golden", verb, "--provider", "local", ...place, "--json", ...building, ...more];
  };
  const triplane = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
    run(process.execPath, args, { cwd: folder.path, env: { ...process.env, ...env }, timeoutMs: TIMEOUT_MS });
  const data = async (verb: string, ...more: readonly string[]) => {
    const ran = await triplane(argv(verb, ...more));
    assert.equal(ran.code, 0, ran.err);
    return { ...JSON.parse(ran.out), said: ran.err };
  };
  const canaries = (): string => join(golden, ".work", "canaries");
  /** Roots, and whatever of canaries and half-made roots is on the machine. */
  const there = async () => {
    const names = await readdir(golden);
    const runners = (await readdir(canaries()).catch(() => [])).length;
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

  it("build: killed while it builds the root, and while its canary runs: the next one leaves nothing of either and makes the image, whose contents are a file", async () => {
    const faults = join(folder.path, "faults");
    const env = { TRIPLANE_FAULTS_DIR: faults, TRIPLANE_FAULTS_NAME: "triplane" };
    const child = spawn(process.execPath, argv("build"), { stdio: ["ignore", "ignore", "pipe"], cwd: folder.path });
    for await (const chunk of child.stderr) if (String(chunk).includes("unpacked")) child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.equal((await there()).half, 1);
    await giveOrder(faults, "golden.before-smoke", { action: "kill" });
    await triplane(["--disable-warning=ExperimentalWarning", `--import=${ARMING_MODULE}`, ...argv("build")], env);
    assert.notEqual(await firedOrder(faults, "golden.before-smoke"), undefined);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 1 });
    const [canary = ""] = await readdir(canaries());
    const { id } = JSON.parse(await readFile(join(canaries(), canary, "runner.json"), "utf8"));

    const built = await data("build");
    assert.equal(built.swept.length, 2, JSON.stringify(built.swept));
    assert.deepEqual([built.promoted, built.unchanged, built.previous], [true, false, undefined]);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
    assert.deepEqual(await leftovers(id, canaries()), []);
    assert.equal(built.contents.reference, undefined);
    const spdx = JSON.parse(await readFile(built.contents.file, "utf8"));
    assert.equal(spdx.spdxVersion, "SPDX-2.3");
    const names = new Set(spdx.packages.map(({ name }: { name: string }) => name));
    for (const name of ["openssh-server", "rsync", "runc", "buildkitd", "libc6"]) assert.ok(names.has(name), name);
    assert.ok(built.packages > 50);
    const status = await data("status");
    assert.deepEqual([status.verdict, status.current.id, status.current.smoke], ["fresh", built.current.id, true]);
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

  it("build: a package more is another image, and the one before it is kept; rollback goes back, once; prune keeps what is kept", async () => {
    const first = await data("status");
    const built = await data("build", "--package", "jq");
    assert.deepEqual([built.promoted, built.previous.id], [true, first.current.id]);
    assert.deepEqual(await data("prune").then(({ removed, swept, in_use }) => ({ removed, swept, in_use })), {
      ...{ removed: [], swept: [], in_use: [] },
    });
    const back = await data("rollback");
    assert.equal(back.current.id, first.current.id);
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
    const again = await triplane(argv("rollback"));
    assert.deepEqual([again.code, JSON.parse(again.err.trim().split("\n").at(-1) ?? "").error.code], [1, "golden_refused"]);
  });

  it("build: a root whose BuildKit cannot build is golden_smoke_failed: the candidate is gone, the current one stays", async () => {
    const current = await data("status");
    const store = new GoldenStore(golden);
    const nowS = (): number => Math.floor(Date.now() / 1000);
    const images = localGoldenImages({ store, recipe: DEFAULT_RECIPE, archives: ARCHIVES, nowS });
    // The current root with another buildctl, which answers and does not build.
    const build = async ({ labels }: { readonly labels: Readonly<Record<string, string>> }) => {
      const prepared = await store.begin();
      const record = await store.get(current.current.id);
      assert.ok(record !== undefined);
      await rm(join(prepared, "root"), { recursive: true });
      const copied = await run("cp", ["--archive", store.rootOf(record.digest), prepared], { cwd: golden, env: process.env });
      assert.equal(copied.code, 0, copied.err);
      const buildctl = '#!/bin/sh\n[ "$1" = build ] || exit 0\necho "no space left" >&2\nexit 1\n';
      await writeFile(join(prepared, "root/usr/local/bin/buildctl"), buildctl);
      const digest = `sha256-${Buffer.from(systemRandom.bytes(32)).toString("hex")}`;
      await store.keep(prepared, { ...record, digest, labels: { ...labels }, created_at: nowS() });
      return { id: digest, createdAtS: nowS(), labels, platform: record.platform };
    };
    const work = join(golden, ".work");
    const released = asBuilder(work, systemRandom, async (builder) => {
      const provider = await openLocalProvider({
        ...{ runnersFolder: canaries(), goldenFolder: golden, network: "10.202.7.0/28", forward: false, plainHttpRegistries: [] },
        ...{ sizes: [{ type: "canary", cpus: 1, memoryMib: 1024 }], memoryMib: 1024 },
      });
      const parts = {
        ...{ images: { ...images, build }, provider, platform: current.platform, providerName: "local", builder, shell: sshShell },
        ...{ shelf: new ContentsShelf(join(work, "contents"), undefined), clock: systemClock, random: systemRandom },
        ...{ bootWithinMs: 120_000, pollMs: 300, say: () => undefined },
      };
      return await releaseGolden(parts, { promote: true }, new AbortController().signal);
    });
    await assert.rejects(released, { code: "golden_smoke_failed", message: /no space left/ });
    assert.deepEqual(await there(), { roots: 1, half: 0, runners: 0 });
    assert.equal((await data("status")).current.id, current.current.id);
  });
});
