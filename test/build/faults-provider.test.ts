// A cloud that fails in every way that it can, between `triplane build` and a simulated Hetzner Cloud: what the launcher says, and that no server is left. No root is needed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FaultInput } from "@triplane/hcloud-sim";
import { systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { type BuildEnd, RunningBuild } from "./plane/launcher.ts";
import { assertTold, closed } from "./plane/place.ts";
import { type SimulatedCloud, simulatedCloud } from "./plane/simulated-cloud.ts";

const SLOW = { timeout: 600_000 };
const CREATE = { method: "POST", path: "/servers" } as const;
/** Nobody answers at a simulated server's address: where one is made all the same, it is never ready. */
const NOT_READY = /not ready 10 s after it was made/;

interface Case {
  readonly fault: FaultInput;
  /** What the launcher says of it. */
  readonly says: RegExp;
  /** What it says is to be done; NOT_READY's where it is absent. */
  readonly hint?: RegExp;
}

/** Each meets the create of one build, which then waits for a runner that never comes: all of them wait together. */
const ONCE: Readonly<Record<string, Case>> = {
  "the rate limit is reached": { fault: { do: "error", code: "rate_limit_exceeded", when: CREATE }, says: NOT_READY },
  "it is locked, twice": { fault: { do: "error", code: "locked", when: CREATE, times: 2 }, says: NOT_READY },
  "it conflicts, twice": { fault: { do: "error", code: "conflict", when: CREATE, times: 2 }, says: NOT_READY },
  "it is under maintenance": { fault: { do: "error", code: "maintenance", when: CREATE }, says: NOT_READY },
  "it fails inside": { fault: { do: "error", code: "server_error", when: CREATE }, says: NOT_READY },
  "the answer to the create is lost": { fault: { do: "cut", point: "after", when: CREATE }, says: NOT_READY },
  "the connection is cut before the create": { fault: { do: "cut", point: "before", when: CREATE }, says: NOT_READY },
  "the create answers half a JSON": { fault: { do: "answer", status: 201, body: '{"server":{"id":', when: CREATE }, says: NOT_READY },
  "the name is taken by what it did itself": { fault: { do: "error", code: "uniqueness_error", when: CREATE }, says: NOT_READY },
  "the token is refused": {
    fault: { do: "error", code: "unauthorized", when: CREATE },
    says: /unauthorized/,
    hint: /Check the token and its rights/,
  },
  "a quota is reached": {
    fault: { do: "error", code: "resource_limit_exceeded", when: CREATE },
    says: /limit exceeded/,
    hint: /Raise the quota/,
  },
};

/** Each as long as its build lasts. The last one: what cannot be had is left out for a while. */
const STANDING: Readonly<Record<string, Case>> = {
  "lists have one entry a page": {
    fault: { do: "page_size", size: 1 },
    says: NOT_READY,
  },
  "deleting fails three times": {
    fault: { do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 3 },
    says: NOT_READY,
  },
  "nothing is to be had anywhere": { fault: { do: "unavailable" }, says: /to be had/, hint: /add more of them/ },
};

describe("provider errors of every class", { timeout: 880_000 }, () => {
  let opening: Promise<SimulatedCloud>;
  let place: SimulatedCloud;
  const waiting = new Map<string, Promise<BuildEnd>>();
  before(async () => {
    opening = simulatedCloud(systemRandom);
    place = await opening;
    for (const [name, { fault }] of Object.entries(ONCE)) {
      await place.cloud.fault(fault);
      const running = await build();
      waiting.set(name, running.end());
      await eventually(async () => running.hasEnded || (await isPastCreate()), { timeoutMs: 60_000, what: name });
    }
    await place.cloud.fault();
  }, SLOW);
  after(() => closed(opening));

  const build = (): Promise<RunningBuild> =>
    RunningBuild.start({
      ...{ folder: join(place.folder, "builds"), env: place.launcherEnv, repo: "faults/provider" },
      files: { Dockerfile: "FROM scratch\n" },
    });
  /** The fault was met, and the lease has a server or is over. */
  const isPastCreate = async (): Promise<boolean> => {
    const isMet = (await place.cloud.calls()).some(({ faults }) => faults.length > 0);
    return isMet && (await place.orchestrator.leases()).leases.every(({ state }) => state !== "creating");
  };
  const assertEnd = async (end: BuildEnd, says: RegExp, hint = /Look at the pool's leases and at its provider/): Promise<void> => {
    assertTold(end, { exitCode: 5, code: "lease_ended", says, hint });
    const name = end.receipt?.runs[0]?.lease_id ?? "";
    await eventually(async () => !(await place.cloud.servers()).includes(name), {
      timeoutMs: 30_000,
      what: `the end of the server ${name}`,
    });
    await eventually(async () => /gone|failed/.test((await place.orchestrator.lease(name)).state), {
      timeoutMs: 30_000,
      what: `the end of ${name}`,
    });
  };

  for (const [name, { says, hint }] of Object.entries(ONCE)) {
    it(`${name}: the launcher says why, no server is left`, SLOW, async () => {
      const end = await waiting.get(name);
      assert.ok(end !== undefined);
      await assertEnd(end, says, hint);
    });
  }

  for (const [name, { fault, says, hint }] of Object.entries(STANDING)) {
    it(`${name}: the launcher says why, no server is left`, SLOW, async () => {
      await place.cloud.fault(fault);
      await assertEnd(await (await build()).end(), says, hint);
      await place.cloud.fault();
    });
  }

  for (const moment of [/creating|booting/, /booting/, /releasing/]) {
    it(`SIGKILL of the cloud while a lease is ${moment.source}: when it is back, no server is left`, SLOW, async () => {
      await place.orchestrator.restart();
      const running = await build();
      await eventually(async () => (await place.orchestrator.leases()).leases.some(({ state }) => moment.test(state)), {
        timeoutMs: 60_000,
        intervalMs: 5,
        what: `a lease that is ${moment.source}`,
      });
      await place.cloud.program.kill();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await place.cloud.program.restart();
      await assertEnd(await running.end(), /not ready|not there|could be had|stopped/, /start the build again/);
    });
  }

  it("after all of it there is no lease, no orphan and no server", SLOW, async () => {
    await eventually(async () => (await place.cloud.servers()).length === 0, { timeoutMs: 30_000, what: "the end of the last server" });
    const nothing = async (): Promise<boolean> => {
      const { leases, orphans } = await place.orchestrator.leases();
      return leases.length === 0 && orphans === 0;
    };
    await eventually(nothing, { timeoutMs: 30_000, what: "the end of the last lease" });
  });
});
