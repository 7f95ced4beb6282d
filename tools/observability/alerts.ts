// The alert rules as data: when, what it means, what to do, and the series on which each has to fire and must not.
import { type InvariantId, MEASURED_DAEMONS } from "@triplane/contract";
import { m, raised } from "./query.ts";

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it has to be so, as Prometheus writes it. */
  readonly holds: string;
  readonly severity: "critical" | "warning" | "info";
  /** One line; may name labels as `{{ $labels.workspace }}`. */
  readonly summary: string;
  /** What it means for ops. */
  readonly means: string;
  readonly todo: string;
  /** The invariant that is in danger. */
  readonly invariant?: InvariantId;
  readonly proof: Proof;
}

/** Series in promtool's notation, one value a minute. */
export interface Proof {
  readonly fires: readonly Series[];
  readonly at: string;
  /** Labels of the alert that fires. */
  readonly labels: Readonly<Record<string, string>>;
  /** On these it stays silent at the same time. */
  readonly silent: readonly Series[];
}
export type Series = readonly [series: string, values: string];

const W = 'workspace="w"';
const HERE = { workspace: "w" };
const plain = (name: string, more = ""): string => `${name}{${more === "" ? W : `${more},${W}`}}`;

/** A gauge above a bound. */
const above = (metric: string, bound: number, labels: Proof["labels"], more = ""): Proof => ({
  fires: [[plain(metric, more), `${bound + 1}x40`]],
  at: "40m",
  labels: { ...labels, ...HERE },
  silent: [[plain(metric, more), `${bound}x40`]],
});

export const ALERTS: readonly Alert[] = [
  {
    name: "DaemonDown",
    expr: `up{job=~"${MEASURED_DAEMONS.join("|")}"} == 0`,
    ...{ holds: "2m", severity: "critical" },
    summary: "{{ $labels.job }} at {{ $labels.instance }} does not answer",
    means: "Prometheus cannot scrape the daemon. Nothing is lost: what it would do waits on its stream, and the other planes go on.",
    todo: "`triplane status` on its machine, then its log. Where the daemon is well, the target's address is wrong.",
    proof: {
      fires: [['up{job="keeper",instance="k:1"}', "0x5"]],
      ...{ at: "5m", labels: { job: "keeper", instance: "k:1" } },
      silent: [
        ['up{job="keeper",instance="k:1"}', "1x5"],
        ['up{job="other",instance="o:1"}', "0x5"],
      ],
    },
  },
  {
    name: "DaemonUnhealthy",
    expr: `${m("healthy")} == 0`,
    ...{ holds: "5m", severity: "warning" },
    summary: "{{ $labels.daemon }} of {{ $labels.workspace }} says that it is not well",
    means: "The daemon runs and says on /healthz that it cannot do its work.",
    todo: "Read `detail` on its /healthz: it names the problem and its code, and docs/errors.md says what to do about that code.",
    proof: {
      fires: [[plain(m("healthy"), 'daemon="keeper"'), "0x9"]],
      ...{ at: "9m", labels: { daemon: "keeper", ...HERE } },
      silent: [[plain(m("healthy"), 'daemon="keeper"'), "1x9"]],
    },
  },
  {
    name: "NoActiveController",
    expr: `sum by (workspace) (${m("controller_active")}) == 0`,
    ...{ holds: "1m", severity: "critical", invariant: "every-command-lands" },
    summary: "no ops-controller of {{ $labels.workspace }} holds the lease",
    means: "Admitted ops wait on the command stream; nothing is applied.",
    todo: "Look at the controllers' logs: a standby waits for the lease, an active one that lost it ends and is started again by its supervisor.",
    proof: {
      fires: [[plain(m("controller_active")), "0x5"]],
      ...{ at: "5m", labels: HERE },
      silent: [[plain(m("controller_active")), "1x5"]],
    },
  },
  {
    name: "SeveralActiveControllers",
    expr: `sum by (workspace) (${m("controller_active")}) > 1`,
    ...{ holds: "1m", severity: "critical", invariant: "ops-controller-single-workqueue-consumer" },
    summary: "{{ $value }} ops-controllers of {{ $labels.workspace }} say that they hold the lease",
    means: "The fencing number keeps all but one from changing anything, but there must never be two.",
    todo: "Stop all but the one with the highest `fence` on /healthz, and compare the clocks of their machines.",
    proof: {
      fires: [
        [plain(m("controller_active"), 'instance="a"'), "1x5"],
        [plain(m("controller_active"), 'instance="b"'), "1x5"],
      ],
      ...{ at: "5m", labels: HERE },
      silent: [
        [plain(m("controller_active"), 'instance="a"'), "1x5"],
        [plain(m("controller_active"), 'instance="b"'), "0x5"],
      ],
    },
  },
  {
    name: "NoPolicyInForce",
    expr: `${m("keeper_policy_in_force")} == 0`,
    ...{ holds: "2m", severity: "critical", invariant: "no-fail-open" },
    summary: "the keeper of {{ $labels.workspace }} has no policy in force",
    means: "Nothing is taken in; ops wait on the pending stream.",
    todo: "Read `problem` on the keeper's /healthz; `triplane governance status` says what the policy repository lacks.",
    proof: {
      fires: [[plain(m("keeper_policy_in_force")), "0x5"]],
      ...{ at: "5m", labels: HERE },
      silent: [[plain(m("keeper_policy_in_force")), "1x5"]],
    },
  },
  {
    name: "PolicySourceUnreached",
    expr: `${m("keeper_policy_contact_age_seconds")} > 900`,
    ...{ holds: "5m", severity: "warning" },
    summary: "the keeper of {{ $labels.workspace }} has not reached the source of its policy for 15 minutes",
    means: "It goes on under the policy that it has, until limits.max_policy_age_s; a newer policy does not reach it.",
    todo: "Look whether the policy's remote answers from the keeper's machine.",
    proof: above(m("keeper_policy_contact_age_seconds"), 900, {}),
  },
  {
    name: "PendingOpsWait",
    expr: `${m("keeper_oldest_pending_seconds")} > 60`,
    ...{ holds: "1m", severity: "critical", invariant: "every-command-lands" },
    summary: "an op of {{ $labels.workspace }} has waited for the keeper for more than a minute",
    means: "The keeper does not take in, or a message that fails holds up those behind it.",
    todo: "Look for warnings in the keeper's log; without a keeper, a person decides with `triplane keeper admit`.",
    proof: above(m("keeper_oldest_pending_seconds"), 60, {}),
  },
  {
    name: "CommandsWait",
    expr: `${m("controller_oldest_pending_seconds")} > 60`,
    ...{ holds: "1m", severity: "critical", invariant: "every-command-lands" },
    summary: "a decision of {{ $labels.workspace }} has waited for the controller for more than a minute",
    means: "The controller does not take in: its policy or its database is not there, or a message cannot be proven yet.",
    todo: "Look for `a message has to wait` in the controller's log; it says why.",
    proof: above(m("controller_oldest_pending_seconds"), 60, {}),
  },
  {
    name: "OpDoesNotEnd",
    expr: `${m("controller_oldest_op_seconds")} > 900`,
    ...{ holds: "1m", severity: "warning", invariant: "applied-once" },
    summary: "an accepted op of {{ $labels.workspace }} has not ended for 15 minutes",
    means: "The orchestrator does not answer, or a component does not come up. Ops of the same target wait behind it.",
    todo: "`triplane status` shows the target; the controller's log names the op (`jti`).",
    proof: above(m("controller_oldest_op_seconds"), 900, {}),
  },
  {
    name: "OutboxDoesNotEmpty",
    expr: `min_over_time(${m("controller_outbox_depth")}[5m]) > 0`,
    ...{ holds: "5m", severity: "warning", invariant: "publish-before-ack" },
    summary: "records of {{ $labels.workspace }} have waited in the controller's outbox for ten minutes",
    means: "The broker confirms nothing. Results are on the controller's disk; the ledger does not have them yet.",
    todo: "Look at nats-server: is it there, is its disk full, does the controller's credential still stand?",
    proof: above(m("controller_outbox_depth"), 0, {}),
  },
  {
    name: "LedgerLags",
    expr: `${m("mirror_oldest_pending_seconds")} > 60`,
    ...{ holds: "2m", severity: "critical", invariant: "every-command-lands" },
    summary: "a record of {{ $labels.workspace }} has waited for the ledger for more than a minute",
    means: "Ops are applied, and nobody outside can prove it yet.",
    todo: "Read `problem` on the audit-mirror's /healthz: the state repository, its lock or its disk.",
    proof: above(m("mirror_oldest_pending_seconds"), 60, {}),
  },
  {
    name: "LedgerFrozen",
    expr: `sum by (workspace) (increase(${m("controller_ops_total")}[10m])) > 0 unless on (workspace) sum by (workspace) (increase(${m("mirror_records_total")}{result="committed"}[10m])) > 0`,
    ...{ holds: "5m", severity: "critical", invariant: "every-command-lands" },
    summary: "ops of {{ $labels.workspace }} end, and none of them reaches the ledger",
    means: "Records are made and not committed, or not by this mirror: the ledger stands still.",
    todo: "`triplane ledger verify`, then compare the mirror's controller key with the one that signs the records.",
    proof: {
      fires: [
        [plain(m("controller_ops_total"), 'outcome="applied"'), "0+1x40"],
        [plain(m("mirror_records_total"), 'result="committed"'), "7x40"],
      ],
      ...{ at: "40m", labels: HERE },
      silent: [
        [plain(m("controller_ops_total"), 'outcome="applied"'), "0+1x40"],
        [plain(m("mirror_records_total"), 'result="committed"'), "0+1x40"],
      ],
    },
  },
  {
    name: "RecordSetAside",
    expr: raised("mirror_records_total", "15m", 'result="set_aside"'),
    ...{ holds: "0m", severity: "critical", invariant: "chain-verified-at-every-hop" },
    summary: "the audit-mirror of {{ $labels.workspace }} set a message aside that proves nothing",
    means: "Somebody who may write to the audit stream wrote something that the controller did not sign, or a chain is broken.",
    todo: "The bytes are in the mirror's folder `aside`, its log names their digest; find out which credential was used.",
    proof: {
      fires: [[plain(m("mirror_records_total"), 'result="set_aside"'), "_x30 1x3"]],
      ...{ at: "32m", labels: { result: "set_aside", ...HERE } },
      silent: [
        [plain(m("mirror_records_total"), 'result="set_aside"'), "1x60"],
        [plain(m("mirror_records_total"), 'result="committed"'), "0+9x60"],
      ],
    },
  },
  ...(["keeper_alarms_total", "controller_alarms_total", "mirror_alarms_total"] as const).map((name): Alert => {
    const source = name.slice(0, name.indexOf("_"));
    return {
      name: `${source.charAt(0).toUpperCase()}${source.slice(1)}Alarm`,
      expr: raised(name, "15m"),
      ...{ holds: "0m", severity: "warning" },
      summary: `the ${source} of {{ $labels.workspace }} raised {{ $labels.code }}`,
      means: "The alarm itself, with its text, is on the alarm stream and in the log.",
      todo: "`triplane status` shows the last alarms; docs/errors.md says what to do about each code.",
      proof: {
        fires: [[plain(m(name), 'code="sequence_fork"'), "_x30 1x3"]],
        ...{ at: "32m", labels: { code: "sequence_fork", ...HERE } },
        silent: [[plain(m(name), 'code="sequence_fork"'), "3x60"]],
      },
    };
  }),
  {
    name: "ReviewWaitsLong",
    expr: `${m("keeper_oldest_review_seconds")} > 86400`,
    ...{ holds: "5m", severity: "info" },
    summary: "an op of {{ $labels.workspace }} has waited for people for more than a day",
    means: "Reviews end when their op expires.",
    todo: "`triplane keeper list` shows what waits and whose approval is missing.",
    proof: above(m("keeper_oldest_review_seconds"), 86_400, {}),
  },
  {
    name: "OpsFail",
    expr: `sum by (workspace) (increase(${m("controller_ops_total")}{outcome=~"failed|conflict"}[30m])) / sum by (workspace) (increase(${m("controller_ops_total")}[30m])) > 0.25 and sum by (workspace) (increase(${m("controller_ops_total")}[30m])) >= 4`,
    ...{ holds: "5m", severity: "warning" },
    summary: "more than a quarter of the ops of {{ $labels.workspace }} failed or met a conflict",
    means: "Ops are admitted and do not do what they should.",
    todo: "`triplane op list` shows codes; a conflict means that two people or programs change the same target.",
    proof: {
      fires: [
        [plain(m("controller_ops_total"), 'outcome="failed"'), "0+1x60"],
        [plain(m("controller_ops_total"), 'outcome="applied"'), "0+1x60"],
      ],
      ...{ at: "60m", labels: HERE },
      silent: [
        [plain(m("controller_ops_total"), 'outcome="failed"'), "0+1x60"],
        [plain(m("controller_ops_total"), 'outcome="applied"'), "0+9x60"],
      ],
    },
  },
  {
    name: "TargetsUnhealthy",
    expr: `${m("orchestrator_targets")}{health="unhealthy"} > 0`,
    ...{ holds: "5m", severity: "warning" },
    summary: "components of {{ $labels.workspace }} are not healthy",
    means: "They run, or should, and fail their health check.",
    todo: "`triplane status` names them; their logs are in the orchestrator's data folder.",
    proof: above(m("orchestrator_targets"), 0, { health: "unhealthy" }, 'health="unhealthy"'),
  },
  {
    name: "DesiredStateNotLookedAt",
    expr: `time() - ${m("desired_sync_last_look_time_seconds")} > 600`,
    ...{ holds: "1m", severity: "warning" },
    summary: "desired-sync of {{ $labels.workspace }} has not looked at the desired state for ten minutes",
    means: "What was approved there is not applied.",
    todo: "Read `problem` on its /healthz; without a quorum there is nothing to apply, and that is told there too.",
    proof: {
      fires: [[plain(m("desired_sync_last_look_time_seconds")), "0x40"]],
      ...{ at: "40m", labels: HERE },
      silent: [[plain(m("desired_sync_last_look_time_seconds")), "0+60x40"]],
    },
  },
  {
    name: "RunnersWithoutLease",
    expr: `${m("vm_pool_orphans")} > 0`,
    ...{ holds: "15m", severity: "critical", invariant: "runner-always-destroyed" },
    summary: "the pool of {{ $labels.workspace }} has runners that belong to no lease",
    means: "Machines cost money and nobody uses them. The reaper destroys them at its next pass; this one it could not.",
    todo: "Look for `the provider failed` in the orchestrator's log; the provider's console names the machines.",
    proof: above(m("vm_pool_orphans"), 0, {}),
  },
  {
    name: "ProviderFails",
    expr: `sum by (workspace, code) (increase(${m("vm_pool_provider_failures_total")}[15m])) > 5`,
    ...{ holds: "5m", severity: "warning" },
    summary: "calls of the machines' provider fail with {{ $labels.code }}",
    means: "Builds wait or fail; runners may live longer than they should.",
    todo: "Look at the code in docs/errors.md, then at the provider's status page and the token.",
    proof: {
      fires: [[plain(m("vm_pool_provider_failures_total"), 'call="create",code="unavailable"'), "0+1x60"]],
      ...{ at: "60m", labels: { code: "unavailable", ...HERE } },
      silent: [[plain(m("vm_pool_provider_failures_total"), 'call="create",code="unavailable"'), "0+0x30 1x30"]],
    },
  },
  {
    name: "RegistryFails",
    expr: `sum by (area) (increase(${m("registry_requests_total")}{status=~"5.."}[10m])) > 5`,
    ...{ holds: "5m", severity: "warning" },
    summary: "the registry answers requests to {{ $labels.area }} with its own failure",
    means: "Builds cannot push or pull.",
    todo: "Look at the registry-gateway's log, then whether zot answers.",
    proof: {
      fires: [[`${m("registry_requests_total")}{area="v2",status="502"}`, "0+1x60"]],
      ...{ at: "60m", labels: { area: "v2" } },
      silent: [[`${m("registry_requests_total")}{area="v2",status="404"}`, "0+9x60"]],
    },
  },
  {
    name: "ValidationFails",
    expr: `${m("validation_check")} == 0`,
    ...{ holds: "0m", severity: "critical" },
    summary: "{{ $labels.check }} of {{ $labels.validation }} does not hold in {{ $labels.workspace }}",
    means: "A check of the running system failed or could not be made; the label `invariant` says what it guards.",
    todo: "`triplane validate NAME` says where it looked, what it saw and what to do.",
    proof: {
      fires: [[plain(m("validation_check"), 'check="c",invariant="i",validation="v"'), "1x5 0x5"]],
      ...{ at: "9m", labels: { check: "c", invariant: "i", validation: "v", ...HERE } },
      silent: [[plain(m("validation_check"), 'check="c",invariant="i",validation="v"'), "1x10"]],
    },
  },
  {
    name: "ValidationNotRun",
    expr: `time() - ${m("validation_last_run_time_seconds")} > 8 * 86400`,
    ...{ holds: "1h", severity: "warning" },
    summary: "{{ $labels.validation }} has not run for eight days in {{ $labels.workspace }}",
    means: "Nobody knows whether its checks still hold.",
    todo: "Look whether the validator runs (`triplane status`), or run it: `triplane validate NAME`.",
    proof: {
      fires: [[plain(m("validation_last_run_time_seconds"), 'validation="v"'), "-1000000x100"]],
      ...{ at: "90m", labels: { validation: "v", ...HERE } },
      silent: [[plain(m("validation_last_run_time_seconds"), 'validation="v"'), "0x100"]],
    },
  },
  {
    name: "SpansDropped",
    expr: `sum by (workspace, daemon) (increase(${m("trace_spans_total")}{result="dropped"}[15m])) > 0`,
    ...{ holds: "5m", severity: "info" },
    summary: "{{ $labels.daemon }} of {{ $labels.workspace }} drops spans",
    means: "The collector of traces is away or slow. No op waits for it.",
    todo: "Look whether the address given by --otlp-endpoint answers.",
    proof: {
      fires: [[plain(m("trace_spans_total"), 'daemon="keeper",result="dropped"'), "0+1x60"]],
      ...{ at: "60m", labels: { daemon: "keeper", ...HERE } },
      silent: [[plain(m("trace_spans_total"), 'daemon="keeper",result="sent"'), "0+9x60"]],
    },
  },
];
