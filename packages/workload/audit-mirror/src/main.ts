// audit-mirror: configuration, adapters, run, exit code.
import { connectBus } from "@triplane/bus";
import { type DaemonSurroundings, type Environment, readKeyFile, runDaemon } from "@triplane/kit";
import { openLedgerWriter } from "@triplane/ledger";
import { announceRefs, nidOf } from "@triplane/radicle";
import { asideFolder } from "./adapters/aside-folder.ts";
import { policyChecker } from "./adapters/policy-checker.ts";
import { Announcer } from "./announcer.ts";
import { CONFIG } from "./config.ts";
import { mirrorMetrics } from "./metrics.ts";
import { MirrorLoop } from "./run.ts";

/** Runs audit-mirror until it is told to stop; the result is the exit code. */
export function runAuditMirror(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "audit-mirror",
      config: CONFIG,
      async start({ config, logger, signal, clock, random, metrics, tracer }) {
        const { workspace, policyRid } = config;
        const key = await readKeyFile(config.keyFile);
        const former = config.formerKeyFile === undefined ? undefined : await readKeyFile(config.formerKeyFile);
        const dids = former === undefined ? [key.did] : [key.did, former.did];
        const pin = { rid: config.stateRid, identityRoot: config.stateIdentityRoot };
        const policyPin = { rid: policyRid, identityRoot: config.policyIdentityRoot };
        const identity = { role: "mirror" } as const;
        const bus = await connectBus({ servers: config.natsUrl, workspace, identity, nkeySeed: config.nkeySeed, clock, random, logger });
        const measured = mirrorMetrics(metrics);
        const { radicleSocket } = config;
        const announcer =
          radicleSocket === undefined
            ? undefined
            : new Announcer({
                announce: (ending) => announceRefs(radicleSocket, config.stateRid, dids.map(nidOf), { signal: ending }),
                announcements: measured.announcements,
                random,
                logger,
                signal,
              });
        const loop = new MirrorLoop({
          bus,
          rules: { workspace, policyRid, controller: key.did, former: former?.did },
          openLedger: () => openLedgerWriter({ repoDir: config.stateRepo, key, former, pin, clock }),
          checker: policyChecker({ repoDir: config.policyRepo, pin: policyPin, minThreshold: config.policyThreshold, workspace }),
          keepAside: asideFolder(config.asideDir),
          limits: { maxRecords: config.maxRecords, maxBytes: config.maxBytes, maxWaitMs: config.maxWaitMs },
          metrics: measured,
          tracer,
          announcer,
          clock,
          random,
          logger,
          signal,
        });
        try {
          await loop.open();
        } catch (cause) {
          await bus.close();
          throw cause;
        }
        const running = loop.run();
        const closed = bus.closed.then((reason) => {
          if (reason !== undefined) throw reason;
        });
        return {
          done: Promise.race([running, closed]),
          health: () => ({
            ok: loop.problem === undefined,
            detail: {
              workspace,
              controller: loop.controller ?? key.did,
              ledger: config.stateRid,
              records: loop.size ?? "unknown",
              ...(announcer === undefined ? {} : { radicle: announcer.problem?.message ?? "announced" }),
              ...(loop.problem === undefined ? {} : { problem: `${loop.problem.code}: ${loop.problem.message}` }),
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
