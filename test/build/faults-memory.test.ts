// Memory runs out for real: a step, a child of a step, buildkitd itself. `oom-retry-bounded`
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { readSecretFile } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { hungry, waiting } from "./plane/dockerfiles.ts";
import { whyNoPlane } from "./plane/needs.ts";
import { assertTold, BuildPlace, closed } from "./plane/place.ts";

const skip = (await whyNoPlane()) ?? false;
const SLOW = { timeout: 600_000 };

describe("builds that run out of memory", { skip, timeout: 880_000 }, () => {
  let opening: Promise<BuildPlace>;
  let place: BuildPlace;
  before(async () => {
    opening = BuildPlace.open();
    place = await opening;
  }, SLOW);
  after(() => closed(opening));

  for (const how of ["step", "child"] as const) {
    it(`a killed ${how} that fits one tier up: one retry, and the image is there`, SLOW, async () => {
      const end = await place.build(`faults/fits-${how}`, hungry(place.base, 500, how));
      assert.equal(end.exitCode, 0, end.log + end.out);
      const runs = end.receipt?.runs ?? [];
      assert.deepEqual(
        runs.map(({ tier, outcome }) => [tier, outcome]),
        [
          ["cx22", "oom"],
          ["cx32", "built"],
        ],
      );
      assert.ok((runs[0]?.oom_kills ?? 0) >= 1);
      assert.match(end.receipt?.image_digest ?? "", /^sha256:/);
      await place.assertNothingLeft();
    });
  }

  it("a step that never fits: exactly two runs, exit code 3, and what to do", SLOW, async () => {
    const before = place.plane.runnersSeen.length;
    const end = await place.build("faults/never", hungry(place.base, 1500));
    assertTold(end, { exitCode: 3, says: /out of memory twice/, hint: /\.build-spec\.ncl/ });
    assert.deepEqual(
      end.receipt?.runs.map(({ tier, outcome }) => [tier, outcome]),
      [
        ["cx22", "oom"],
        ["cx32", "oom"],
      ],
    );
    await place.assertNothingLeft();
    assert.equal(place.plane.runnersSeen.length - before, 2);
  });

  it("the pool itself refuses a third run: a retry of a retry, and a second retry", SLOW, async () => {
    const { access } = place.plane.orchestrator;
    const token = (await readSecretFile(access.tokenFile)).trim();
    const spawn = async (body: object): Promise<{ readonly code?: string; readonly lease_id?: string }> => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const lease = {
        ...{ repo: "faults/third", target: "", platform: process.arch === "arm64" ? "linux/arm64" : "linux/amd64", ttl_s: 60 },
        ssh_public_key: `ssh-ed25519 ${"A".repeat(68)}`,
      };
      const response = await fetch(`${access.url}/api/v1/vm-pool/spawn`, {
        method: "POST",
        headers,
        body: JSON.stringify({ ...lease, ...body }),
      });
      return (await response.json()) as { readonly code?: string; readonly lease_id?: string };
    };
    const made = [
      await spawn({ build_id: "third.1", tier: "cx22" }),
      await spawn({ build_id: "third.2", tier: "cx32", retry_of: "third.1" }),
    ];
    assert.equal((await spawn({ build_id: "third.3", tier: "cx42", retry_of: "third.2" })).code, "retry_refused");
    assert.equal((await spawn({ build_id: "third.4", tier: "cx32", retry_of: "third.1" })).code, "retry_refused");
    for (const { lease_id } of made)
      await fetch(`${access.url}/api/v1/vm-pool/${lease_id}`, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
    await place.assertNothingLeft();
  });

  it("buildkitd itself is killed: told as it is, the runner is given back", SLOW, async () => {
    const running = await place.start("faults/daemon", waiting(place.base, 300));
    await running.says(/the step runs/);
    await killBuildkitdForMemory(place.plane.runnersSeen.at(-1) ?? "");
    const end = await running.end();
    assert.notEqual(end.exitCode, 0, end.log);
    const outcome = end.receipt?.runs[0]?.outcome ?? "";
    assert.ok(["oom", "connection-lost"].includes(outcome), end.out);
    assert.ok((end.receipt?.runs.length ?? 0) <= 2);
    await place.assertNothingLeft();
  });
});

/**
 * The kernel kills it, in the runner's own cgroup: it is made the first to go, then something in that cgroup takes more than there is.
 * oom_score_adj is proc(5)'s.
 */
async function killBuildkitdForMemory(id: string): Promise<void> {
  const buildkitd = await eventually(() => processOf(id, "buildkitd"), { what: "buildkitd" });
  await writeFile(`/proc/${buildkitd}/oom_score_adj`, "1000");
  const folder = (await readFile(`/proc/${buildkitd}/cgroup`, "utf8"))
    .split("\n")
    .map((line) => line.split(":"))
    .map(([, controllers = "", path = ""]) =>
      controllers === "" ? `/sys/fs/cgroup${path}` : controllers === "memory" ? `/sys/fs/cgroup/memory${path}` : "",
    )
    .find((path) => path !== "" && path.includes(id));
  // A process of ours that joins the cgroup and takes 1 GiB; the daemon dies first, then it dies or ends.
  const hog = `echo $$ > ${folder}/cgroup.procs && exec dd if=/dev/zero of=/dev/null bs=1024M count=1`;
  await promisify(execFile)("/bin/sh", ["-c", hog], { timeout: 60_000 }).catch(() => undefined);
  await eventually(async () => (await processOf(id, "buildkitd")) !== buildkitd, { timeoutMs: 30_000, what: "the end of buildkitd" });
}

async function processOf(id: string, name: string): Promise<string | undefined> {
  for (const pid of (await readdir("/proc")).filter((each) => /^\d+$/.test(each))) {
    const of = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    if ((await of("comm")).trim() === name && (await of("cgroup")).includes(`/${id}`)) return pid;
  }
  return undefined;
}
