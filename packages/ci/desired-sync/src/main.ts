// desired-sync: configuration, adapters, run, exit code.
import { connectBus } from "@triplane/bus";
import { formatAudience } from "@triplane/contract";
import { type DaemonSurroundings, type Environment, readKeyFile, runDaemon } from "@triplane/kit";
import { rememberInFile } from "@triplane/ledger";
import { Outbox, orchestratorClient, Submitter } from "@triplane/submitter";
import { desiredRepository } from "./adapters/desired-repo.ts";
import { stateFile } from "./adapters/state-file.ts";
import { CONFIG } from "./config.ts";
import { syncMetrics } from "./metrics.ts";
import { DesiredSync } from "./run.ts";

/** Runs desired-sync until it is told to stop; the result is the exit code. */
export function runDesiredSync(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "desired-sync",
      config: CONFIG,
      async start({ config, logger, signal, clock, random, metrics, tracer }) {
        const { workspace, principal, controllerDid, nkeySeed } = config;
        const key = await readKeyFile(config.keyFile);
        const identity = { role: "operator", principal } as const;
        const bus = await connectBus({ servers: config.natsUrl, workspace, identity, nkeySeed, clock, random, logger });
        const audience = formatAudience({ workspace, policyRid: config.policyRid });
        const outbox = new Outbox({ folder: config.outboxDir, audience, clock, random });
        const submitter = new Submitter({ outbox, bus, workspace, principal, controllerDid, audience, clock, random, logger, tracer });
        const orchestrator = orchestratorClient({ url: config.orchestratorUrl, token: config.orchestratorToken, workspace });
        const source = desiredRepository({
          desired: { directory: config.desiredRepo, pin: { rid: config.desiredRid, identityRoot: config.desiredIdentityRoot } },
          policy: { directory: config.policyRepo, pin: { rid: config.policyRid, identityRoot: config.policyIdentityRoot } },
          minThreshold: config.desiredThreshold,
          memory: rememberInFile(`${config.stateFile}.seen`),
        });
        const sync = new DesiredSync({
          workspace,
          source,
          store: stateFile(config.stateFile),
          outbox,
          submitter,
          workspaceVersion: async () => (await orchestrator.target("workspace")).version,
          key,
          scope: config.scope,
          expiresInS: config.expiresInS,
          maxAttempts: config.maxAttempts,
          pollMs: config.pollMs,
          resendMs: config.resendMs,
          clock,
          random,
          logger,
          metrics: syncMetrics(metrics),
          signal,
        });
        const running = sync.run();
        const closed = bus.closed.then((reason) => {
          if (reason !== undefined) throw reason;
        });
        return {
          done: Promise.race([running, closed]),
          // A desired state that nobody approved yet, an op that failed or a plane that is away is not this process's failure.
          health: () => ({
            ok: true,
            detail: {
              workspace,
              principal,
              ...(sync.state === undefined ? {} : { last: sync.state }),
              ...(sync.problem === undefined ? {} : { problem: `${sync.problem.code}: ${sync.problem.message}` }),
            },
          }),
          stop: async () => {
            await running;
            await bus.close();
          },
        };
      },
    },
    { argv, env, ...surroundings },
  );
}
