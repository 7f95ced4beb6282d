// ops-controller: configuration, adapters, run, exit code.
import { hostname } from "node:os";
import { connectBus } from "@triplane/bus";
import { RemoteContact } from "@triplane/governance";
import { type DaemonSurroundings, type Environment, readKeyFile, runDaemon } from "@triplane/kit";
import { type OpenStoreOptions, openServedStore } from "@triplane/store";
import { orchestratorOverHttp } from "./adapters/orchestrator-http.ts";
import { policyRepository } from "./adapters/policy-repo.ts";
import { CONFIG } from "./config.ts";
import { controllerMetrics } from "./metrics.ts";
import { MIGRATIONS } from "./rows.ts";
import { Controller } from "./run.ts";

const REQUEST_TIMEOUT_MS = 30_000;

/** Runs ops-controller until it is told to stop; the result is the exit code. */
export function runController(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "ops-controller",
      config: CONFIG,
      async start({ config, logger, signal, clock, random, metrics, tracer }) {
        const { workspace, policyRid } = config;
        const key = await readKeyFile(config.keyFile);
        const identity = { role: "controller" } as const;
        const bus = await connectBus({ servers: config.natsUrl, workspace, identity, nkeySeed: config.nkeySeed, clock, random, logger });
        try {
          const controller = new Controller({
            workspace,
            policyRid,
            key,
            bus,
            source: policyRepository(
              config.policyRepo,
              { rid: policyRid, identityRoot: config.policyIdentityRoot },
              config.policyThreshold,
            ),
            orchestrator: orchestratorOverHttp({
              baseUrl: config.orchestratorUrl,
              workspace,
              token: config.orchestratorToken,
              timeoutMs: REQUEST_TIMEOUT_MS,
            }),
            openStore: () => openServedStore(storeOptions(config), logger),
            clock,
            random,
            logger,
            metrics: controllerMetrics(metrics),
            tracer,
            signal,
            owner: `${hostname()}/${process.pid}`,
            leaseTtlMs: config.leaseTtlMs,
            pollMs: config.pollMs,
            parallel: config.parallel,
            maxDeliveries: config.maxDeliveries,
          });
          const pin = { rid: policyRid, identityRoot: config.policyIdentityRoot };
          const contact =
            config.policyRemote === undefined
              ? undefined
              : new RemoteContact({ repoDir: config.policyRepo, pin, address: config.policyRemote, clock, random, signal });
          const following = contact?.follow(config.policyFetchMs, (problem) =>
            logger.warn({ workspace, code: problem.code, reason: problem.message }, "the policy's remote cannot be followed"),
          );
          const lease = config.standby ? undefined : await controller.takeLease();
          const running = controller.run(lease);
          const closed = bus.closed.then((reason) => {
            if (reason !== undefined) throw reason;
          });
          return {
            done: Promise.race([running, closed]),
            health: () => controller.health(),
            stop: async () => {
              // A failure of its own was told by `done`.
              await Promise.all([running.catch(() => undefined), following]);
              await bus.close();
            },
          };
        } catch (error) {
          await bus.close();
          throw error;
        }
      },
    },
    { argv, env, ...surroundings },
  );
}

interface StoreConfig {
  readonly storeUrl: string;
  readonly storeNamespace: string;
  readonly storeDatabase: string;
  readonly storeUsername: string | undefined;
  readonly storePassword: string | undefined;
}

function storeOptions(config: StoreConfig): OpenStoreOptions {
  const { storeUrl, storeNamespace, storeDatabase, storeUsername, storePassword } = config;
  const isServer = storeUsername !== undefined && storePassword !== undefined;
  return {
    url: storeUrl,
    migrations: MIGRATIONS,
    ...(isServer
      ? { server: { namespace: storeNamespace, database: storeDatabase, username: storeUsername, password: storePassword } }
      : {}),
  };
}
