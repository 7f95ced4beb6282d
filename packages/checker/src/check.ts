// The checker: reads everything once, then asks every invariant.
import { INVARIANTS, type InvariantId } from "@triplane/contract";
import { checkAppliedOnce } from "./checks/applied-once.ts";
import { checkChain } from "./checks/chain-verified.ts";
import { checkControllerPeers } from "./checks/controller-touches-orchestrator-only.ts";
import { checkEveryCommandLands } from "./checks/every-command-lands.ts";
import { checkMode } from "./checks/mode-is-operational.ts";
import { checkNoFailOpen } from "./checks/no-fail-open.ts";
import { checkRetries } from "./checks/oom-retry-bounded.ts";
import { checkPersistBeforeAck } from "./checks/persist-before-ack.ts";
import { checkDeclarative } from "./checks/policy-files-are-declarative-only.ts";
import { checkPublishBeforeAck } from "./checks/publish-before-ack.ts";
import { checkRunners } from "./checks/runner-always-destroyed.ts";
import { checkSingleConsumer } from "./checks/single-consumer.ts";
import { checkSingleDelegate } from "./checks/single-delegate.ts";
import { checkTime } from "./checks/time-is-an-input.ts";
import { type Evidence, gather, type SourceName } from "./evidence.ts";
import { type CheckOptions, sourcesOfHome, verifierOf } from "./options.ts";
import { Case, type Finding, type Report } from "./report.ts";

type Check = (evidence: Evidence, told: Case) => void;

interface CheckSpec {
  readonly check: Check;
  readonly needs: readonly SourceName[];
}

const CHECKS: Readonly<Record<InvariantId, CheckSpec>> = {
  "policy-files-are-declarative-only": { check: checkDeclarative, needs: ["policy"] },
  "ops-controller-single-workqueue-consumer": { check: checkSingleConsumer, needs: ["bus", "processes", "orchestrator"] },
  "state-repo-single-delegate": { check: checkSingleDelegate, needs: [] },
  "oom-retry-bounded": { check: checkRetries, needs: ["orchestrator"] },
  "runner-always-destroyed": { check: checkRunners, needs: ["orchestrator", "runners"] },
  "persist-before-ack": { check: checkPersistBeforeAck, needs: ["ledger", "controller", "bus"] },
  "publish-before-ack": { check: checkPublishBeforeAck, needs: ["ledger", "controller", "bus"] },
  "applied-once": { check: checkAppliedOnce, needs: ["orchestrator", "controller", "ledger", "effects"] },
  "every-command-lands": { check: checkEveryCommandLands, needs: ["ledger", "controller", "bus", "outboxes"] },
  "chain-verified-at-every-hop": { check: checkChain, needs: ["ledger", "policy", "controller"] },
  "mode-is-operational": { check: checkMode, needs: ["processes", "ledger", "policy"] },
  "controller-touches-orchestrator-only": { check: checkControllerPeers, needs: ["processes"] },
  "time-is-an-input": { check: checkTime, needs: ["ledger", "policy", "reruns"] },
  "no-fail-open": { check: checkNoFailOpen, needs: ["processes", "ledger", "policy"] },
};

const IDS = Object.keys(INVARIANTS) as readonly InvariantId[];

/**
 * Checks a workspace from the outside. Never throws for what it finds; throws where nothing says what to check.
 *
 * @example
 * const report = await checkInvariants({ home: "./.triplane", quiesced: true });
 */
export async function checkInvariants(options: CheckOptions): Promise<Report> {
  const sources = options.sources ?? (options.home === undefined ? undefined : await sourcesOfHome(options.home));
  if (sources === undefined) throw new Error("neither a home nor sources were given");
  const wanted = IDS.filter((id) => options.only?.includes(id) ?? true);
  const evidence = await gather(sources, {
    nickel: options.nickel ?? "nickel",
    verifier: verifierOf(options),
    needs: new Set(wanted.flatMap((id) => CHECKS[id].needs)),
  });
  return judge(evidence, wanted, options.quiesced ?? false);
}

/** The pure part: evidence in, report out. */
export function judge(evidence: Evidence, wanted: readonly InvariantId[], quiesced: boolean): Report {
  const findings = wanted.map((id): Finding => {
    const told = new Case(id, quiesced);
    CHECKS[id].check(evidence, told);
    return told.finding();
  });
  const withStatus = (status: Finding["status"]) =>
    findings.filter((finding) => finding.status === status).map(({ invariant }) => invariant);
  const violated = withStatus("violated");
  return {
    workspace: evidence.workspace,
    quiesced,
    findings,
    violated,
    notCheckable: withStatus("not-checkable"),
    ok: violated.length === 0,
  };
}
