// buildkit-launcher as a program, against the real orchestrator with runners on this machine, a real registry and its tokens.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { whyNoRunners } from "@triplane/provider-local/testing";
import { eventually } from "@triplane/testkit";
import { type BuildPlace, buildPlace, type LauncherEnd, whyNoRegistry } from "./place.ts";

const skip = (await whyNoRunners()) ?? (await whyNoRegistry()) ?? false;
const BUSYBOX = "FROM scratch\nCOPY busybox /bin/busybox\n";
const run = (script: string): string => `RUN ${JSON.stringify(["/bin/busybox", "sh", "-c", script])}\n`;
/** Takes this much memory at once. */
const hungry = (mib: number): string => run(`/bin/busybox dd if=/dev/zero of=/dev/null bs=${mib}M count=1`);

function receiptOf({ stdout, stderr }: LauncherEnd) {
  const last = stdout.trim().split("\n").at(-1) ?? "";
  assert.ok(last.startsWith("{"), stderr);
  return JSON.parse(last);
}

describe("buildkit-launcher with runners on this machine", { skip }, () => {
  let place: BuildPlace;
  before(async () => {
    place = await buildPlace();
  });
  after(() => place[Symbol.asyncDispose]());

  it("builds and pushes; the next build comes from the cache; the log has no secret; no lease is left (runner-always-destroyed)", async () => {
    const context = await place.context("app", {
      Dockerfile: `${BUSYBOX}ARG WHO\nRUN --mount=type=secret,id=token ${JSON.stringify(["/bin/busybox", "sh", "-c", "/bin/busybox cat /run/secrets/token; echo; echo hello $WHO > /hello"])}\nCOPY . /src\n`,
      ".dockerignore": "left-out\n.dockerignore\nDockerfile\n",
      "left-out": "never sent",
      "kept/file": "kept",
      ".build-spec.ncl": "{ tier = 'cx22 }",
    });
    const args = ["--context", context, "--repo", "acme/shop", "--tags", "1,latest", "--build-args", "WHO=ana"];
    const secret = ["--secrets", "id=token,env=THE_TOKEN"];
    const env = { THE_TOKEN: "tok-123-very-secret" };
    const first = await place.build([...args, ...secret, "--json"], { env });
    assert.equal(first.exitCode, 0, first.stderr + first.stdout);
    const receipt = receiptOf(first);
    assert.equal(receipt.outcome, "built");
    assert.match(receipt.image_digest, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(receipt.images, [`${place.registry}/images/acme/shop:1`, `${place.registry}/images/acme/shop:latest`]);
    assert.ok(!(first.stdout + first.stderr).includes(env.THE_TOKEN), "the secret is in the log");
    assert.ok(first.stdout.includes('"line":"***"'), "the step printed it");
    await place.empty();

    const second = await place.build([...args, ...secret], { env });
    assert.equal(second.exitCode, 0, second.stderr);
    assert.match(second.stderr, / cached$/m);
    assert.match(second.stdout, /outcome +built and pushed/);
    assert.match(second.stdout, /cost +nothing is billed/);
    assert.match(second.stdout, new RegExp(receipt.image_digest));
    await place.empty();
  });

  it("a build that fails: exit code 1, the step and its error in the log", async () => {
    const context = await place.context("bad", { Dockerfile: BUSYBOX + run("echo about to fail; exit 7") });
    const end = await place.build(["--context", context, "--repo", "acme/bad"]);
    assert.equal(end.exitCode, 1, end.stderr);
    assert.match(end.stderr, /\| about to fail/);
    assert.match(end.stderr, /FAILED after .*exit code: 7/);
    assert.match(end.stdout, /outcome +the build failed/);
    await place.empty();
  });

  it("out of memory: one more run one tier up, which succeeds (oom-retry-bounded)", async () => {
    const context = await place.context("big", { Dockerfile: BUSYBOX + hungry(520), ".build-spec.ncl": "{ tier = 'cx22 }" });
    const end = await place.build(["--context", context, "--repo", "acme/big", "--json"]);
    assert.equal(end.exitCode, 0, end.stderr + end.stdout);
    const { runs, sized_by } = receiptOf(end);
    assert.deepEqual(
      runs.map((each: { readonly tier: string; readonly outcome: string }) => [each.tier, each.outcome]),
      [
        ["cx22", "oom"],
        ["cx32", "built"],
      ],
    );
    assert.ok(runs[0].oom_kills >= 1 && runs[1].peak_memory_mib > 0);
    assert.equal(sized_by.source, "spec");
    await place.empty();
  });

  it("never fits: exactly two runs, exit code 3, and the message says what to do (oom-retry-bounded)", async () => {
    const context = await place.context("huge", { Dockerfile: BUSYBOX + hungry(3000), ".build-spec.ncl": "{ tier = 'cx22 }" });
    const end = await place.build(["--context", context, "--repo", "acme/huge"]);
    assert.equal(end.exitCode, 3, end.stderr);
    assert.match(end.stdout, /out of memory twice/);
    assert.match(end.stdout, /memory_gib/);
    assert.equal((end.stdout.match(/^run \d/gm) ?? []).length, 2);
    await place.empty();
  });

  it("SIGTERM and SIGINT in the middle of a build: the runner is given back, exit codes 143 and 130 (runner-always-destroyed)", async () => {
    const context = await place.context("slow", { Dockerfile: BUSYBOX + run("echo it runs; /bin/busybox sleep 600") });
    for (const [signal, exitCode] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
    ] as const) {
      const launcher = place.launch(["--context", context, "--repo", "acme/slow"]);
      await eventually(() => launcher.said().includes("| it runs"), { timeoutMs: 120_000, what: "the step" });
      launcher.child.kill(signal);
      const end = await launcher.ended;
      assert.equal(end.exitCode, exitCode, end.stderr);
      assert.match(end.stdout, /stopped as asked/);
      await place.empty();
    }
  });

  it("--dry-run: prints size and reason, asks for no machine", async () => {
    const context = await place.context("plan", { Dockerfile: BUSYBOX, "go.mod": "module x\n" });
    const end = await place.build(["--context", context, "--repo", "acme/plan", "--dry-run"]);
    assert.equal(end.exitCode, 0, end.stderr);
    assert.match(end.stdout, /^size +cx\d2 \(.+\)$/m);
    assert.match(end.stdout, /^cache +cache\/acme\/plan:default-amd64$/m);
    assert.deepEqual((await place.leases()).leases, []);
  });

  it("as a Woodpecker plugin: PLUGIN_* settings, the repository from CI_REPO, the receipt in a file", async () => {
    const context = await place.context("plugin", { Dockerfile: `${BUSYBOX}ARG A\n${run("echo $A > /a")}` });
    const receiptFile = join(context, "receipt.json");
    const env = {
      ...{ CI_REPO: "Acme/Plugin", PLUGIN_TAGS: "a,b", PLUGIN_BUILD_ARGS: '{"A":"1,2"}', PLUGIN_RECEIPT_FILE: receiptFile },
      ...{ PLUGIN_ORCHESTRATOR_URL: place.orchestratorUrl, PLUGIN_TOKEN: place.launcherToken, TRIPLANE_BUILD_TOKEN: "not this one" },
    };
    const end = await place.build([], { env, cwd: context });
    assert.equal(end.exitCode, 0, end.stderr);
    const receipt = JSON.parse(await readFile(receiptFile, "utf8"));
    assert.deepEqual([receipt.repo, receipt.images.length, receipt.outcome], ["acme/plugin", 2, "built"]);
    await place.empty();
  });

  it("what is wrong with the settings is said at once: exit code 2; a pool that is not there: 5", async () => {
    const context = await place.context("wrong", { Dockerfile: BUSYBOX });
    const wrong = await place.build(["--context", context, "--repo", "Acme", "--tags", "a b"]);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /--repo \(TRIPLANE_BUILD_REPO\)/);
    const absent = await place.build(["--context", join(context, "nowhere"), "--repo", "acme/x"]);
    assert.deepEqual([absent.exitCode, /code: context_invalid/.test(absent.stderr)], [2, true]);
    const away = await place.build(["--context", context, "--repo", "acme/x"], {
      env: { TRIPLANE_BUILD_ORCHESTRATOR_URL: "http://127.0.0.1:9" },
    });
    assert.deepEqual([away.exitCode, /code: unavailable/.test(away.stderr)], [5, true]);
  });
});

describe("buildkit-launcher that is killed", { skip }, () => {
  it("SIGKILL of the launcher: its lease ends by missed heartbeats, and its runner is gone (runner-always-destroyed)", async () => {
    await using place = await buildPlace({ heartbeatS: 1 });
    const context = await place.context("slow", { Dockerfile: BUSYBOX + run("echo it runs; /bin/busybox sleep 600") });
    const launcher = place.launch(["--context", context, "--repo", "acme/slow"]);
    await eventually(() => launcher.said().includes("| it runs"), { timeoutMs: 120_000, what: "the step" });
    assert.equal((await place.leases()).leases.length, 1);
    launcher.child.kill("SIGKILL");
    await launcher.ended;
    await place.empty();
  });
});
