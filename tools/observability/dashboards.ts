// What the dashboards show, as data. One list for Grafana's files and for the test that asks Prometheus each query.
import { m, of, quantile, rate } from "./query.ts";

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it tells, and what is normal. */
  readonly what: string;
  /** As Grafana names units. */
  readonly unit: "short" | "s" | "ops" | "bool" | "currencyEUR" | "dateTimeAsIso" | "percentunit";
  readonly as: "timeseries" | "stat";
  readonly queries: readonly Query[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly what: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

const line = (title: string, unit: Panel["unit"], what: string, ...queries: readonly (readonly [string, string])[]): Panel => ({
  ...{ title, what, unit, as: "timeseries" },
  queries: queries.map(([expr, legend]) => ({ expr, legend })),
});
const stat = (title: string, unit: Panel["unit"], what: string, expr: string, legend: string): Panel => ({
  ...{ title, what, unit, as: "stat", queries: [{ expr, legend }] },
});

const OPS: Dashboard = {
  uid: "triplane-ops",
  title: "Triplane: ops",
  what: "From the signature to the ledger: how many, how fast, and what waits where.",
  rows: [
    {
      title: "Outcomes",
      panels: [
        line("Ops by outcome", "ops", "Ops that ended.", [rate("controller_ops_total", ["outcome"]), "{{outcome}}"]),
        line(
          "From signature to result",
          "s",
          "By the time in the jti; ops that wait for people are in it.",
          [quantile(0.5, "controller_op_seconds"), "half"],
          [quantile(0.95, "controller_op_seconds"), "95 of 100"],
        ),
        line("Decisions", "ops", "What the keeper decided.", [rate("keeper_decisions_total", ["verdict"]), "{{verdict}}"]),
        line(
          "Alarms",
          "ops",
          "Normally none.",
          [rate("keeper_alarms_total", ["code"]), "keeper {{code}}"],
          [rate("controller_alarms_total", ["code"]), "controller {{code}}"],
          [rate("mirror_alarms_total", ["code"]), "mirror {{code}}"],
        ),
      ],
    },
    {
      title: "What waits",
      panels: [
        line(
          "Messages that wait",
          "short",
          "Near 0 while all planes are up.",
          [of("keeper_pending_messages"), "for the keeper"],
          [of("controller_pending_messages"), "for the controller"],
          [of("mirror_pending_messages"), "for the ledger"],
        ),
        line(
          "Age of the oldest",
          "s",
          "Grows while a plane is down.",
          [of("keeper_oldest_pending_seconds"), "for the keeper"],
          [of("controller_oldest_pending_seconds"), "for the controller"],
          [of("mirror_oldest_pending_seconds"), "for the ledger"],
          [of("controller_oldest_op_seconds"), "for its end"],
        ),
        line(
          "Accepted, not ended",
          "short",
          "Ops in the controller's hands, and what it has still to publish.",
          [of("controller_queue_depth"), "ops"],
          [of("controller_outbox_depth"), "outbox"],
        ),
        line("Waiting for people", "short", "Open reviews.", [of("keeper_open_reviews"), "reviews"]),
        line(
          "Age of the oldest review",
          "s",
          "Since the op was signed.",
          [of("keeper_oldest_review_seconds"), "oldest"],
          [quantile(0.95, "keeper_review_seconds", ["verdict"]), "95 of 100, {{verdict}}"],
        ),
      ],
    },
    {
      title: "Steps",
      panels: [
        line("Keeper: intake", "s", "From storage to the confirmed output.", [quantile(0.95, "keeper_intake_seconds"), "95 of 100"]),
        line("Controller: apply", "s", "From the first call to the result.", [quantile(0.95, "controller_apply_seconds"), "95 of 100"]),
        line("Orchestrator: apply by kind", "s", "From acceptance to the result.", [
          quantile(0.95, "orchestrator_apply_seconds", ["kind"]),
          "{{kind}}",
        ]),
        line(
          "Mirror: into the ledger",
          "s",
          "From storage of a record to its commit.",
          [quantile(0.95, "mirror_record_seconds"), "95 of 100"],
          [quantile(0.95, "mirror_commit_seconds"), "commit alone"],
        ),
      ],
    },
  ],
};

const PLANES: Dashboard = {
  uid: "triplane-planes",
  title: "Triplane: planes",
  what: "Whether the daemons are there and well, and where policy, ledger and workspace stand.",
  rows: [
    {
      title: "Daemons",
      panels: [
        stat("Healthy", "bool", "What each says of itself.", of("healthy"), "{{daemon}}"),
        stat(
          "Active controllers",
          "short",
          "Exactly one (ops-controller-single-workqueue-consumer).",
          `sum by (workspace) (${of("controller_active")})`,
          "{{workspace}}",
        ),
        line("Warnings and errors", "ops", "Log lines; the text is in Loki.", [
          rate("log_lines_total", ["daemon", "level"]),
          "{{daemon}} {{level}}",
        ]),
        line("Spans", "ops", "Nothing while tracing is off.", [rate("trace_spans_total", ["daemon", "result"]), "{{daemon}} {{result}}"]),
        line("Memory", "short", "Resident bytes of each process.", [
          'process_resident_memory_bytes{workspace=~"$workspace"}',
          "{{daemon}}",
        ]),
        line("Event loop", "s", "99 of 100 turns began within so long.", [
          'nodejs_eventloop_lag_p99_seconds{workspace=~"$workspace"}',
          "{{daemon}}",
        ]),
      ],
    },
    {
      title: "Policy and desired state",
      panels: [
        stat("Policy in force", "bool", "Without one nothing is taken in.", of("keeper_policy_in_force"), "{{workspace}}"),
        line(
          "Age of the policy",
          "s",
          "Since it was verified, and since its source was reached.",
          [of("keeper_policy_age_seconds"), "verified"],
          [of("keeper_policy_contact_age_seconds"), "source reached"],
        ),
        line("Looks at the desired state", "ops", "By desired-sync.", [rate("desired_sync_looks_total", ["result"]), "{{result}}"]),
        stat("Last look", "s", "Since desired-sync last looked.", `time() - ${of("desired_sync_last_look_time_seconds")}`, "{{workspace}}"),
        line(
          "Ops for the desired state",
          "short",
          "Signed and without outcome.",
          [of("desired_sync_open_op"), "open"],
          [of("desired_sync_unsettled_ops"), "in the outbox"],
          [`sum by (result) (${of("desired_sync_ops_total")})`, "{{result}}"],
        ),
      ],
    },
    {
      title: "Validations",
      panels: [
        stat("Checks that hold", "bool", "Each check of each validation, as it was found last.", of("validation_check"), "{{check}}"),
        stat("Last run", "s", "Since each validation ran.", `time() - ${of("validation_last_run_time_seconds")}`, "{{validation}}"),
      ],
    },
    {
      title: "Workspace and ledger",
      panels: [
        line("Targets by health", "short", "What the orchestrator runs.", [of("orchestrator_targets"), "{{health}}"]),
        stat("Revision", "short", "Of the workspace.", of("orchestrator_revision"), "{{workspace}}"),
        line("Ops of the orchestrator", "ops", "By kind and result.", [
          rate("orchestrator_ops_total", ["kind", "status"]),
          "{{kind}} {{status}}",
        ]),
        line("Messages of the command stream", "ops", "By what became of them.", [
          rate("controller_messages_total", ["verdict"]),
          "{{verdict}}",
        ]),
        stat(
          "Records in the ledger",
          "short",
          "Every op ends here once (every-command-lands).",
          of("mirror_ledger_records"),
          "{{workspace}}",
        ),
        line(
          "Records",
          "ops",
          "Set aside: normally none.",
          [rate("mirror_records_total", ["result"]), "{{result}}"],
          [rate("mirror_announcements_total", ["result"]), "announcement {{result}}"],
        ),
        stat(
          "Last checkpoint",
          "s",
          "Since the ledger's last checkpoint.",
          `time() - ${of("mirror_checkpoint_time_seconds")}`,
          "{{workspace}}",
        ),
      ],
    },
  ],
};

const BUILDS: Dashboard = {
  uid: "triplane-builds",
  title: "Triplane: builds",
  what: "Leases of machines, what they cost, and the registry.",
  rows: [
    {
      title: "Machines",
      panels: [
        line("Leases", "short", "That are not over.", [of("vm_pool_leases"), "{{state}}"]),
        line(
          "Runners",
          "short",
          "Those without a lease are leaks (runner-always-destroyed).",
          [of("vm_pool_runners"), "all"],
          [of("vm_pool_orphans"), "without a lease"],
        ),
        line(
          "Time to a runner",
          "s",
          "From the request.",
          [quantile(0.5, "vm_pool_spawn_seconds"), "half"],
          [quantile(0.95, "vm_pool_spawn_seconds"), "95 of 100"],
        ),
        line(
          "Ends of leases",
          "ops",
          "By state and code; reaped ones had been forgotten.",
          [rate("vm_pool_leases_ended_total", ["state", "code"]), "{{state}} {{code}}"],
          [rate("vm_pool_reaped_total", ["workspace"]), "reaped"],
        ),
        line("Failures of the provider", "ops", "Calls that failed.", [
          rate("vm_pool_provider_failures_total", ["call", "code"]),
          "{{call}} {{code}}",
        ]),
        line("Cost a day", "short", "Cents in the last 24 hours, of leases that ended.", [
          `sum by (tenant) (increase(${of("vm_pool_cost_cents_total")}[1d]))`,
          "{{tenant}}",
        ]),
      ],
    },
    {
      title: "Registry",
      panels: [
        line("Requests", "ops", "By area and status.", [
          `sum by (area, status) (rate(${m("registry_requests_total")}[$__rate_interval]))`,
          "{{area}} {{status}}",
        ]),
        line("Compiled objects", "ops", "Hits against misses.", [
          `sum by (outcome) (rate(${m("registry_sccache_total")}[$__rate_interval]))`,
          "{{outcome}}",
        ]),
        line(
          "Tokens and crates",
          "ops",
          "Issued, refused; published, downloaded.",
          [`sum by (outcome) (rate(${m("registry_tokens_total")}[$__rate_interval]))`, "token {{outcome}}"],
          [`sum by (what) (rate(${m("registry_crates_total")}[$__rate_interval]))`, "crate {{what}}"],
        ),
      ],
    },
  ],
};

export const DASHBOARDS: readonly Dashboard[] = [OPS, PLANES, BUILDS];

export const panelsOf = ({ rows }: Dashboard): readonly Panel[] => rows.flatMap(({ panels }) => panels);
