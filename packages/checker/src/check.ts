// The checker: reads everything once, then asks every invariant.
import { INVARIANTS, type InvariantId } from "@triplane/contract";
import { checkAppliedOnce } from "./checks/applied-once.ts";
import { checkChain } from "./checks/chain-verified.ts";
import { checkControllerPeers } from "./checks/controller-touches-orchestrator-only.ts";
import { checkEveryCommandLands } from "./checks/every-command-lands.ts";
import { checkMode } from "./checks/mode-is-operational.ts";
import { checkNoFailOpen } from "./checks/no-fail-open.ts";
import { checkBuilds } from "./checks/not-built.ts";
import { checkPersistBeforeAck } from "./checks/persist-before-ack.ts";
import { checkDeclarative } from "./checks/policy-files-are-declarative-only.ts";
import { checkPublishBeforeAck } from "./checks/publish-before-ack.ts";
import { checkSingleConsumer } from "./checks/single-consumer.ts";
import { checkSingleDelegate } from "./checks/single-delegate.ts";
import { checkTime } from "./checks/time-is-an-input.ts";
import { type Evidence, gather } from "./evidence.ts";
import { type CheckOptions, sourcesOfHome, verifierOf } from "./options.ts";
import { Case, type Finding, type Report } from "./report.ts";

export type Check = (evidence: Evidence, told: Case) => void;

export const CHECKS: Readonly<Record<InvariantId, Check>> = {
  "policy-files-are-declarative-only": checkDeclarative,
  "ops-controller-single-workqueue-consumer": checkSingleConsumer,
  "state-repo-single-delegate": checkSingleDelegate,
  "oom-retry-bounded": (evidence, told) => checkBuilds(evidence, told, "build"),
  "runner-always-destroyed": (evidence, told) => checkBuilds(evidence, told, "lease of a machine"),
  "persist-before-ack": checkPersistBeforeAck,
  "publish-before-ack": checkPublishBeforeAck,
  "applied-once": checkAppliedOnce,
  "every-command-lands": checkEveryCommandLands,
  "chain-verified-at-every-hop": checkChain,
  "mode-is-operational": checkMode,
  "controller-touches-orchestrator-only": checkControllerPeers,
  "time-is-an-input": checkTime,
  "no-fail-open": checkNoFailOpen,
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
    rerun: wanted.includes("time-is-an-input"),
  });
  return judge(evidence, wanted, options.quiesced ?? false);
}

/** The pure part: evidence in, report out. */
export function judge(evidence: Evidence, wanted: readonly InvariantId[], quiesced: boolean): Report {
  const findings = wanted.map((id): Finding => {
    const told = new Case(id, quiesced);
    CHECKS[id](evidence, told);
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
