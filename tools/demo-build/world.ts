// What the scenes of `npm run demo:build` share: the plane, builds on it, and the receipt as it is shown.
import { join } from "node:path";
import type { Teller } from "@triplane/cli";
import { TriplaneError } from "@triplane/contract";
import type { BuildPlane } from "../../test/build/plane/build-plane.ts";
import type { Context } from "../../test/build/plane/dockerfiles.ts";
import { type BuildEnd, type Receipt, RunningBuild } from "../../test/build/plane/launcher.ts";
import { type PulledImage, pullAndRun } from "../../test/build/plane/pulled-image.ts";

export interface ShownBuild extends BuildEnd {
  readonly receipt: Receipt;
}

export class BuildWorld {
  readonly plane: BuildPlane;
  readonly #signal: AbortSignal;
  /** Receipts of all builds so far. */
  readonly receipts: Receipt[] = [];

  constructor(plane: BuildPlane, signal: AbortSignal) {
    this.plane = plane;
    this.#signal = signal;
  }

  /** `triplane build`; its receipt is shown. Throws `start_failed` where it ended without one. */
  async build(tell: Teller, repo: string, files: Context, args: readonly string[] = []): Promise<ShownBuild> {
    tell.say("launcher", `triplane build . --repo ${[repo, ...args].join(" ")}`);
    const { launcherEnv: env, folder } = this.plane;
    const running = await RunningBuild.start({ folder: join(folder, "builds"), env, repo, files, args });
    const stop = (): void => running.signal("SIGTERM");
    this.#signal.addEventListener("abort", stop, { once: true });
    const end = await running.end();
    this.#signal.removeEventListener("abort", stop);
    if (end.receipt === undefined)
      throw new TriplaneError(
        "start_failed",
        `triplane build ended with ${end.exitCode ?? end.signal}: ${`${end.log}${end.out}`.trim().slice(-1500)}`,
      );
    this.receipts.push(end.receipt);
    tell.say("launcher", end.out.trim());
    return { ...end, receipt: end.receipt };
  }

  /** The image as whoever deploys it gets it, run. */
  async pullAndRun(reference: string): Promise<PulledImage> {
    const { folder, registry } = this.plane;
    return await pullAndRun(reference, { folder, login: { username: "deployer", password: registry.secrets.deployer } });
  }

  /** Ids of the leases of all builds so far. */
  get leases(): readonly string[] {
    return this.receipts.flatMap(({ runs }) => runs.map(({ lease_id: id }) => id)).filter((id) => id !== undefined);
  }
}
