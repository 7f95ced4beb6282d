// keeper-daemon: configuration, adapters, run, exit code.
import { connectBus } from "@triplane/bus";
import { type DaemonSurroundings, type Environment, readKeyFile, runDaemon } from "@triplane/kit";
import { policyRepository } from "./adapters/policy-repo.ts";
import { Alarms } from "./alarms.ts";
import { CONFIG } from "./config.ts";
import { Desk, openBucket } from "./desk.ts";
import { keeperMetrics } from "./metrics.ts";
import { PolicyFollower } from "./policy-follower.ts";
import { KeeperLoop } from "./run.ts";
import { keeperMayDecide } from "./signers.ts";

/** Runs keeper-daemon until it is told to stop; the result is the exit code. */
export function runKeeper(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "keeper",
      config: CONFIG,
      async start({ config, logger, signal, clock, random, metrics, tracer }) {
        const { workspace, policyRid } = config;
        // Loaded when it runs: people's commands import this room as well, and most of them need nothing of governance.
        const { RemoteContact } = await import("@triplane/governance");
        const key = await readKeyFile(config.keyFile);
        const identity = { role: "keeper" } as const;
        const bus = await connectBus({ servers: config.natsUrl, workspace, identity, nkeySeed: config.nkeySeed, clock, random, logger });
        const bucket = await openBucket(bus, workspace);
        const measured = keeperMetrics(metrics);
        const alarms = new Alarms(bus, workspace, clock, logger, measured.alarms);
        const pin = { rid: policyRid, identityRoot: config.policyIdentityRoot };
        const source = policyRepository(config.policyRepo, pin, config.policyThreshold);
        const assertMayDecide = keeperMayDecide(key.did);
        const contact =
          config.policyRemote === undefined
            ? undefined
            : new RemoteContact({ ...{ repoDir: config.policyRepo, pin, clock, random, signal }, address: config.policyRemote });
        const follower = new PolicyFollower({ workspace, policyRid, source, bucket, clock, assertMayDecide, contact });
        const desk = new Desk({ bus, bucket, audience: { workspace, policyRid }, key, clock, logger, alarms });
        const loop = new KeeperLoop({
          workspace,
          bus,
          desk,
          follower,
          alarms,
          metrics: measured,
          tracer,
          clock,
          random,
          logger,
          signal,
          pollMs: config.pollMs,
          rescanMs: config.rescanMs,
        });
        const following = contact?.follow(config.policyFetchMs, (problem) =>
          logger.warn({ workspace, code: problem.code, reason: problem.message }, "the policy's remote cannot be followed"),
        );
        const running = loop.run();
        const closed = bus.closed.then((reason) => {
          if (reason !== undefined) throw reason;
        });
        return {
          done: Promise.race([running, closed]),
          health: () => ({
            ok: follower.inForce !== undefined,
            detail: {
              workspace,
              keeper: key.did,
              policy: follower.inForce?.ref.commit ?? "none in force: nothing is taken in",
              policyVerifiedAt: follower.verifiedAtMs === undefined ? "never" : new Date(follower.verifiedAtMs).toISOString(),
              policyReachedAt: follower.contactAtMs === undefined ? "never" : new Date(follower.contactAtMs).toISOString(),
              ...(contact?.problem === undefined ? {} : { remote: `${contact.problem.code}: ${contact.problem.message}` }),
              ...(follower.problem === undefined ? {} : { problem: `${follower.problem.code}: ${follower.problem.message}` }),
              openReviews: loop.openReviews,
            },
          }),
          stop: async () => {
            await Promise.all([running.catch(() => undefined), following]);
            await bus.close();
          },
        };
      },
    },
    { argv, env, ...surroundings },
  );
}
