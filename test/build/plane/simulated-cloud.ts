// A pool that buys in a simulated cloud behind whose servers nothing stands: for what a cloud does wrong. Needs no root.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "@triplane/contract";
import { freePort } from "@triplane/kit";
import { type Cloud, startCloud } from "./cloud.ts";
import { type PlaneOrchestrator, poolAccess, QUICK, startOrchestrator } from "./orchestrator.ts";

export interface SimulatedCloud extends AsyncDisposable {
  readonly folder: string;
  readonly cloud: Cloud;
  readonly orchestrator: PlaneOrchestrator;
  readonly launcherEnv: Readonly<Record<string, string>>;
}

export async function simulatedCloud(random: Random): Promise<SimulatedCloud> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "triplane-cloud-"));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const cloud = stack.use(await startCloud({ folder: join(folder, "cloud") }));
  const access = await poolAccess(join(folder, "pool"), await freePort(), random);
  const orchestrator = stack.use(
    await startOrchestrator({
      ...{ folder: join(folder, "pool"), access },
      options: [
        ...["--vm-pool-provider", "hcloud", "--vm-pool-name", "builds"],
        ...["--hcloud-endpoint", cloud.endpoint, "--hcloud-token-file", cloud.tokenFile],
        ...["--vm-pool-heartbeat-s", String(QUICK.heartbeatS), "--vm-pool-reap-s", String(QUICK.reapS), "--vm-pool-boot-s", "10"],
      ],
    }),
  );
  const all = stack.move();
  return {
    ...{ folder, cloud, orchestrator },
    launcherEnv: { TRIPLANE_BUILD_ORCHESTRATOR_URL: access.url, TRIPLANE_BUILD_TOKEN_FILE: access.tokenFile },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
