// What lies between launcher, runner and registry fails: lines that drop, a machine that is another one, a registry that is away, a token that is over, a full disk.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Lease } from "@triplane/contract";
import { nowSeconds } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { hostKeyFor } from "@triplane/provider-local/testing";
import { issueRegistryAccess } from "@triplane/registry";
import { LoopDisk, whyNoDisks } from "../torture/disks/loop-disk.ts";
import { Link } from "../torture/net/link.ts";
import { bulky, greeting, waiting } from "./plane/dockerfiles.ts";
import { type Middleman, middleman } from "./plane/middleman.ts";
import { whyNoPlane } from "./plane/needs.ts";
import { assertTold, BuildPlace, closed } from "./plane/place.ts";

const skip = (await whyNoPlane()) ?? false;
const noDisks = (await whyNoDisks()) ?? false;
const SLOW = { timeout: 600_000 };

describe("lines, registries and disks that fail", { skip, timeout: 880_000 }, () => {
  let opening: Promise<BuildPlace>;
  let place: BuildPlace;
  let between: Middleman;
  const links: Link[] = [];
  before(async () => {
    opening = BuildPlace.open();
    place = await opening;
    between = await middleman(place.plane.orchestrator.access.url);
  }, SLOW);
  after(async () => {
    for (const link of links) await link.close();
    await between?.[Symbol.asyncDispose]();
    await closed(opening);
  });

  const through = () => ({ env: { TRIPLANE_BUILD_ORCHESTRATOR_URL: between.url } });
  /** From now on runners are reached over a line that the test can cut. */
  const overLine = async (prepare: (line: Link) => void = () => undefined): Promise<{ line(): Link }> => {
    const lines = new Map<string, Link>();
    between.change(async (lease) => {
      const { host = "", port = 22 } = lease;
      let link = lines.get(lease.lease_id);
      if (link === undefined) {
        link = await Link.open(lease.lease_id, { host, port });
        prepare(link);
        lines.set(lease.lease_id, link);
        links.push(link);
      }
      return { ...lease, host: "127.0.0.1", port: link.port };
    });
    return {
      line: () => {
        const link = [...lines.values()].at(-1);
        if (link === undefined) throw new Error("no lease was ready yet");
        return link;
      },
    };
  };

  it("ssh drops while the context is copied: the copy goes on over another connection, and the image is built", SLOW, async () => {
    const dropping = 8 * 1024 * 1024;
    const lines = await overLine((line) => line.resetAfter(dropping));
    const files = { ...greeting(place.base, "a broken line"), "large.bin": randomBytes(3 * dropping) };
    const end = await place.build("faults/context", files, through());
    assert.equal(lines.line().isDue, false, "the line was not dropped");
    assert.equal(end.exitCode, 0, end.log + end.out);
    await place.assertNothingLeft();
  });

  it("ssh drops for good while a step runs: the launcher says that the line was lost, the runner is given back", SLOW, async () => {
    const lines = await overLine();
    const running = await place.start("faults/line", waiting(place.base, 300), through());
    await running.says(/the step runs/);
    lines.line().refuse();
    const end = await running.end();
    assertTold(end, { exitCode: 5, says: /connection.*lost|connection to the runner/, hint: /build again|start the build again/i });
    await place.assertNothingLeft();
  });

  it("another machine answers at the runner's address: refused before anything is sent", SLOW, async () => {
    between.change((lease): Lease => ({ ...lease, host_key: hostKeyFor("somebody-else").public }));
    const end = await place.build("faults/stranger", greeting(place.base, "not for strangers"), through());
    assertTold(end, { exitCode: 5, code: "runner_host_key", says: /does not have the host key/, hint: /do not go on/ });
    assert.equal(end.receipt?.runs.length, 1);
    await place.assertNothingLeft();
  });

  it("the registry is away when the image is pushed: the launcher names the registry, not the Dockerfile", SLOW, async () => {
    between.change((lease) => lease);
    const { gateway } = place.plane.registry;
    const running = await place.start("faults/away", waiting(place.base, 3), through());
    await running.says(/the step runs/);
    await gateway.kill();
    const end = await running.end();
    await gateway.restart();
    assertTold(end, { exitCode: 5, says: /registry could not be reached/, hint: /whether the registry answers/ });
    await place.assertNothingLeft();
  });

  it("the registry token is over: the launcher says that the registry refused", SLOW, async () => {
    const { issuer } = place.plane.registry;
    const nowS = nowSeconds(systemClock);
    between.change(
      (lease): Lease => ({
        ...lease,
        registry_access: issueRegistryAccess(issuer, {
          ...{ leaseId: lease.lease_id, repo: lease.repo, mayPull: [place.plane.base.repository] },
          ...{ expiresAtS: nowS - 60, nowS: nowS - 600 },
        }),
      }),
    );
    const end = await place.build("faults/expired", greeting(place.base, "too late"), through());
    assertTold(end, { exitCode: 1, says: /registry refused/, hint: /token of a runner/ });
    await place.assertNothingLeft();
  });

  it("the token of a lease that is over opens nothing", SLOW, async () => {
    let token = "";
    between.change((lease) => {
      token = lease.registry_access?.token ?? token;
      return lease;
    });
    const end = await place.build("faults/after", greeting(place.base, "the last one"), through());
    assert.equal(end.exitCode, 0, end.log + end.out);
    await place.assertNothingLeft();
    assert.notEqual(token, "");
    // The gateway believes for half a second what the pool said of a lease.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${place.plane.registry.origin}/v2/images/faults/after/tags/list`, { headers });
    assert.equal(answer.status, 401, await answer.text());
  });

  it("the disk of the runner is full: told as that, and not retried as if it were memory", { ...SLOW, skip: noDisks }, async () => {
    const { orchestrator, folder } = place.plane;
    const mountPoint = join(folder, "small");
    const images = join(folder, "images");
    await mkdir(images, { recursive: true });
    const disk = await LoopDisk.create(mountPoint, images, 160);
    try {
      await orchestrator.restart(["--local-runners-dir", join(mountPoint, "runners")]);
      const end = await place.build("faults/full", bulky(place.base, 400));
      assertTold(end, { exitCode: 4, says: /disk is full/, hint: /write less/ });
      assert.equal(end.receipt?.runs.length, 1);
      await place.assertNothingLeft();
    } finally {
      await orchestrator.restart();
      await disk.destroy({ keep: false });
    }
  });

  it("a runner that never boots: the lease ends as not ready, the launcher says so", SLOW, async () => {
    const { orchestrator, folder, goldenFolder } = place.plane;
    const broken = join(folder, "golden-without-sshd");
    await promisify(execFile)("cp", ["--archive", "--link", goldenFolder, broken]);
    const [digest = ""] = (await promisify(execFile)("ls", [broken])).stdout.trim().split("\n");
    await rm(join(broken, digest, "root", "usr", "sbin", "sshd"));
    try {
      await orchestrator.restart(["--local-golden-dir", broken, "--vm-pool-boot-s", "10"]);
      const end = await place.build("faults/dead", greeting(place.base, "nobody there"));
      assertTold(end, {
        exitCode: 5,
        code: "lease_ended",
        says: /not ready 10 s after it was made/,
        hint: /Look at the pool's leases and at its provider/,
      });
      await place.assertNothingLeft();
    } finally {
      await orchestrator.restart();
    }
  });
});
