// A golden image's command dies by SIGKILL at every step of its way: a current image stays current, and the next command leaves nothing behind. `runner-always-destroyed`
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { GOLDEN_FAILPOINTS } from "@triplane/contract";
import { startSimulator } from "@triplane/hcloud-sim";
import { ARMING_MODULE, firedOrder, giveOrder, tempDir } from "@triplane/testkit";
import { run } from "../e2e/program.ts";

const PROGRAM = join(import.meta.dirname, "golden-process.ts");
const ARMED = ["--disable-warning=ExperimentalWarning", `--import=${ARMING_MODULE}`];

test("golden images: SIGKILL at every step; then prune cleans up, and the next build succeeds", { timeout: 800_000 }, async () => {
  await using simulator = await startSimulator({ speed: 2000, rateLimit: 1_000_000 });
  await using folder = await tempDir("golden-kill");
  const faults = join(folder.path, "faults");
  const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], TRIPLANE_FAULTS_DIR: faults };
  const command = (what: string, armed: boolean) =>
    run(process.execPath, [...(armed ? ARMED : []), PROGRAM, simulator.endpoint, join(folder.path, "work"), what], {
      cwd: folder.path,
      env,
    });
  const ask = async (path: string) =>
    await (await fetch(`${simulator.endpoint}${path}`, { headers: { authorization: "Bearer any" } })).json();
  const roles = async (): Promise<string[]> => {
    const { images } = (await ask("/images?type=snapshot")) as { images: { labels: Record<string, string> }[] };
    return images.map(({ labels }) => labels["golden"] ?? "").sort();
  };
  const names = async (): Promise<string[]> => ((await ask("/servers")) as { servers: { name: string }[] }).servers.map(({ name }) => name);

  const first = await command("build", false);
  assert.equal(first.code, 0, first.err);
  // Each label that changes is a moment of its own: current, previous, retired.
  const deaths = GOLDEN_FAILPOINTS.flatMap((name) =>
    name.endsWith("-change") ? [1, 2, 3].map((hits) => [name, hits] as const) : [[name, 1] as const],
  );
  for (const [name, hits] of deaths) {
    await giveOrder(faults, name, { action: "kill", hits });
    const died = await command("build", true);
    assert.notEqual(await firedOrder(faults, name), undefined, `${name} ${hits}: ${died.err}`);
    assert.ok((await roles()).includes("current"), `${name} ${hits}: no image is current`);
    const pruned = await command("prune", false);
    assert.equal(pruned.code, 0, `${name} ${hits}: ${pruned.err}`);
    assert.deepEqual(await names(), [], `${name} ${hits}: servers are left`);
    const left = await roles();
    assert.ok(!left.some((role) => role === "retired" || role === "rejected"), `${name} ${hits}: ${left}`);
    const next = await command("build", false);
    assert.equal(next.code, 0, `${name} ${hits}: ${next.err}`);
    const settled = (await roles()).filter((role) => role !== "candidate");
    assert.deepEqual(settled, ["current", "previous"], `${name} ${hits}`);
  }
});
