// `triplane build` through an orchestrator that buys at Hetzner Cloud, as it is rehearsed: faults of the API on the way, a real runner at its end.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Cloud } from "./plane/cloud.ts";
import { greeting, hungry } from "./plane/dockerfiles.ts";
import { whyNoPlane } from "./plane/needs.ts";
import { BuildPlace, closed } from "./plane/place.ts";

const skip = (await whyNoPlane()) ?? false;
const SLOW = { timeout: 400_000 };

describe("triplane build on Hetzner Cloud, rehearsed with real runners", { skip }, () => {
  let opening: Promise<BuildPlace> | undefined;
  let place: BuildPlace;
  let cloud: Cloud;
  before(async () => {
    opening = BuildPlace.open({ provider: "hcloud" });
    place = await opening;
    if (place.plane.cloud === undefined) throw new Error("the plane has no cloud");
    cloud = place.plane.cloud;
  }, SLOW);
  after(() => closed(opening));

  const nothingLeft = async (): Promise<void> => {
    await place.assertNothingLeft(60_000);
    assert.deepEqual(await cloud.servers(), []);
  };

  it("sold out, 429, a lost answer, deletions that fail: built, pushed, priced, and nothing is left", SLOW, async () => {
    await cloud.fault(
      { do: "unavailable", when: { server_type: "cx23", location: "fsn1" } },
      { do: "error", code: "rate_limit_exceeded", when: { method: "POST", path: "/servers" } },
      { do: "cut", point: "after", when: { method: "POST", path: "/servers" } },
      { do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 2 },
    );
    const end = await place.build("hcloud/greeting", greeting(place.base, "from a rehearsed cloud"));
    assert.equal(end.exitCode, 0, end.log + end.out);
    assert.match(end.receipt?.image_digest ?? "", /^sha256:/);
    assert.ok((end.receipt?.cost_cents ?? 0) > 0, "a begun hour is paid for");
    await nothingLeft();
    const met = (await cloud.calls()).flatMap(({ faults }) => faults).length;
    assert.ok(met >= 4, `${met} calls met a fault`);
  });

  it("the second build of the same finds the cache of the first on another server", SLOW, async () => {
    const end = await place.build("hcloud/greeting", greeting(place.base, "from a rehearsed cloud"));
    assert.equal(end.exitCode, 0, end.log + end.out);
    assert.ok((end.receipt?.runs[0]?.cached_steps ?? 0) > 0, end.log);
    await nothingLeft();
  });

  it("out of memory on the smallest type: one retry on the next larger one, which fits", SLOW, async () => {
    const end = await place.build("hcloud/hungry", hungry(place.base, 500));
    assert.equal(end.exitCode, 0, end.log + end.out);
    assert.deepEqual(
      end.receipt?.runs.map(({ tier, outcome }) => [tier, outcome]),
      [
        ["cx22", "oom"],
        ["cx32", "built"],
      ],
    );
    await nothingLeft();
  });
});
