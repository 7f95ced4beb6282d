// A mirror process that is killed, as by a power cut, at one place: `after-commit` (before the ack) or `before-commit`.
import { connectBus } from "@triplane/bus";
import { createMetrics, readKeyFile, resolveConfig, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { type LedgerWriter, openLedgerWriter } from "@triplane/ledger";
import { asideFolder } from "../adapters/aside-folder.ts";
import { policyChecker } from "../adapters/policy-checker.ts";
import { CONFIG } from "../config.ts";
import { mirrorMetrics } from "../metrics.ts";
import { MirrorLoop } from "../run.ts";

const [configFile = "", place] = process.argv.slice(2);
const config = await resolveConfig(CONFIG, { argv: ["--config", configFile], env: {} });
const { workspace, policyRid } = config;
const key = await readKeyFile(config.keyFile);
const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
const bus = await connectBus({ servers: config.natsUrl, workspace, identity: { role: "mirror" }, nkeySeed: config.nkeySeed, ...shared });

async function openDying(): Promise<LedgerWriter> {
  const pin = { rid: config.stateRid, identityRoot: config.stateIdentityRoot };
  const writer = await openLedgerWriter({ repoDir: config.stateRepo, key, pin, clock: systemClock });
  return new Proxy(writer, {
    get(target, name) {
      if (name === "append")
        return async (records: Parameters<LedgerWriter["append"]>[0]) => {
          if (place === "after-commit") await target.append(records);
          process.kill(process.pid, "SIGKILL");
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const loop = new MirrorLoop({
  bus,
  rules: { workspace, policyRid, controller: key.did },
  openLedger: openDying,
  checker: policyChecker({
    repoDir: config.policyRepo,
    pin: { rid: policyRid, identityRoot: config.policyIdentityRoot },
    minThreshold: 2,
    workspace,
  }),
  keepAside: asideFolder(config.asideDir),
  limits: { maxRecords: config.maxRecords, maxBytes: config.maxBytes, maxWaitMs: config.maxWaitMs },
  metrics: mirrorMetrics(createMetrics({ name: "audit-mirror" })),
  ...shared,
  signal: new AbortController().signal,
});
await loop.open();
await loop.run();
