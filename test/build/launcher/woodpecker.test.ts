// The pipelines of deploy/woodpecker: their form, their steps as Woodpecker's local backend would run them, and Woodpecker's own program where it is.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { CONFIG } from "@triplane/buildkit-launcher";
import { whyNoRunners } from "@triplane/provider-local/testing";
import { toolOrSkip } from "@triplane/testkit";
import { installation, ROOT } from "../../e2e/installation.ts";
import { environmentOf, readPipeline, runStep } from "./pipeline-runner.ts";
import { buildPlace, PROGRAMS, whyNoRegistry } from "./place.ts";

const run = promisify(execFile);
const FOLDER = join(ROOT, "deploy/woodpecker");
const CI = { CI_COMMIT_SHA: "0123456789abcdef", CI_REPO: "Team/Shop", CI_PIPELINE_NUMBER: "17" };
const pipelines = (await readdir(FOLDER)).filter((name) => name.endsWith(".yaml"));
const read = async (name: string) => readPipeline(await readFile(join(FOLDER, name), "utf8"), CI);

const woodpeckerCli = (context: TestContext): Promise<string | undefined> =>
  toolOrSkip(context, "woodpecker-cli", undefined, { isRare: true });

for (const name of pipelines) {
  test(`deploy/woodpecker/${name}: only keys that Woodpecker knows, settings that the plugin knows, and no secret in it`, async () => {
    const { steps } = await read(name);
    const known = Object.keys(CONFIG.options).map((option) => option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
    for (const { settings } of steps) for (const setting of Object.keys(settings ?? {})) assert.ok(known.includes(setting), setting);
    assert.doesNotMatch(await readFile(join(FOLDER, name), "utf8"), /tp[ro]_|PRIVATE KEY|"seed"/);
  });
}

test("environmentOf: settings as Woodpecker writes them", async () => {
  const text =
    "when: [{event: push}]\nsteps:\n  - name: a\n    image: x\n    settings:\n      some-flag: true\n      tags: [a, 1]\n      build_args: {A: b}\n      token: {from_secret: t}\n";
  const [step] = readPipeline(text, {}).steps;
  assert.ok(step !== undefined);
  const expected = { PLUGIN_SOME_FLAG: "true", PLUGIN_TAGS: "a,1", PLUGIN_BUILD_ARGS: '{"A":"b"}', PLUGIN_TOKEN: "s" };
  assert.deepEqual(environmentOf(step, { t: "s" }), expected);
  assert.throws(() => environmentOf(step, {}), /no secret t/);
});

test("deploy/woodpecker/build.yaml, update-image.yaml: the plugin builds and pushes on a real runner, and its receipt gives the next step the digest", {
  skip: (await whyNoRunners()) ?? (await whyNoRegistry()) ?? false,
}, async () => {
  await using place = await buildPlace();
  const cwd = await place.context("workspace", { Dockerfile: "FROM scratch\nCOPY busybox /bin/busybox\n" });
  const secrets = { triplane_orchestrator_url: place.orchestratorUrl, triplane_build_token: place.launcherToken };
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, ...CI };
  const [build] = (await read("build.yaml")).steps;
  assert.ok(build !== undefined);
  const built = await runStep(build, [process.execPath, PROGRAMS.launcher], { cwd, env, secrets });
  assert.equal(built.exitCode, 0, built.output);
  const receipt = JSON.parse(await readFile(join(cwd, "receipt.json"), "utf8"));
  assert.deepEqual(
    receipt.images,
    [CI.CI_COMMIT_SHA, "latest"].map((tag) => `${place.registry}/images/team/shop:${tag}`),
  );

  const update = (await read("update-image.yaml")).steps.find(({ name }) => name === "update");
  const command = update?.commands?.find((each) => each.includes("receipt.json"));
  assert.ok(update !== undefined && command !== undefined);
  const digest = await runStep({ ...update, commands: [command, "cat digest.txt"] }, ["false"], {
    ...{ cwd, env },
    secrets: { triplane_ci_key: "k", triplane_pin: "p" },
  });
  assert.deepEqual([digest.exitCode, digest.output.trim()], [0, receipt.image_digest]);
  await place.empty();
});

const PEER = { WOODPECKER_DISABLE_UPDATE_CHECK: "true" };

test("peer woodpecker-cli lint: has nothing to say against the pipelines", async (context) => {
  const program = await woodpeckerCli(context);
  if (program === undefined) return;
  const files = pipelines.map((name) => join(FOLDER, name));
  const { stdout, stderr } = await run(program, ["lint", "--strict", ...files], { env: { ...process.env, ...PEER } });
  assert.equal((stdout.match(/Config is valid/g) ?? []).length, pipelines.length, stdout + stderr);
});

test("peer woodpecker-cli exec: runs build.yaml with its local backend, in which an image is a program on PATH", {
  skip: (await whyNoRunners()) ?? (await whyNoRegistry()) ?? false,
}, async (context) => {
  const program = await woodpeckerCli(context);
  if (program === undefined) return;
  await using place = await buildPlace();
  await using installed = await installation("woodpecker");
  const cwd = await place.context("workspace", { Dockerfile: "FROM scratch\nCOPY busybox /bin/busybox\n" });
  const pipeline = (await readFile(join(FOLDER, "build.yaml"), "utf8")).replace(/image: .*/, "image: buildkit-launcher");
  await writeFile(join(cwd, ".woodpecker.yaml"), `skip_clone: true\n${pipeline}`);
  const secrets = { triplane_orchestrator_url: place.orchestratorUrl, triplane_build_token: place.launcherToken };
  await writeFile(join(place.folder, "secrets.yaml"), JSON.stringify(secrets), { mode: 0o600 });
  // Its --repo is read by nobody in 3.17.
  const metadata = join(place.folder, "metadata.json");
  await writeFile(metadata, JSON.stringify({ repo: { owner: "Team", name: "Shop" } }));
  const flags = [
    "--local",
    "--backend-engine",
    "local",
    "--pipeline-event",
    "push",
    "--metadata-file",
    metadata,
    "--commit-sha",
    CI.CI_COMMIT_SHA,
  ];
  const args = ["exec", ...flags, "--secrets-file", join(place.folder, "secrets.yaml"), ".woodpecker.yaml"];
  const { stdout, stderr } = await run(program, args, { cwd, env: { ...installed.env, ...PEER }, maxBuffer: 16 * 1024 * 1024 });
  const receipt = JSON.parse(await readFile(join(cwd, "receipt.json"), "utf8"));
  assert.deepEqual(
    [receipt.outcome, receipt.images[0]],
    ["built", `${place.registry}/images/team/shop:${CI.CI_COMMIT_SHA}`],
    stdout + stderr,
  );
  assert.match(stdout + stderr, /outcome +built and pushed/);
  assert.ok(!(stdout + stderr).includes(place.launcherToken));
  await place.empty();
});
