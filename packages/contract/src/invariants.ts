// The invariants of the system. Tests, checks and comments cite these ids.

export const INVARIANTS = {
  "policy-files-are-declarative-only":
    "A policy file is data: a function anywhere in it is a hard schema violation, reported with file, line and column.",
  "ops-controller-single-workqueue-consumer":
    "Exactly one ops-controller consumes a workspace's command stream; a second refuses to start, or waits as a standby.",
  "state-repo-single-delegate": "The state repository has exactly one delegate, the key of the ops-controller.",
  "oom-retry-bounded": "A build that ran out of memory is retried at most once, one tier up.",
  "runner-always-destroyed": "Every lease ends in a destroyed runner, whatever happened to the build, the launcher or the orchestrator.",
  "persist-before-ack": "Nothing is acked before what it means is on disk.",
  "publish-before-ack": "A consumer acks its input only after the broker confirmed the output that it caused.",
  "applied-once": "An op's effect happens at most once; an accepted op is never lost.",
  "every-command-lands": "Every op that was submitted ends in the ledger exactly once, and a missing one can be detected.",
  "chain-verified-at-every-hop":
    "Controller and mirror verify the signatures themselves; write access to NATS is worth nothing to an attacker.",
  "mode-is-operational": "Auto, manual and hybrid are which keeper runs and what the policy says; no mode constant exists in code.",
  "controller-touches-orchestrator-only": "The controller never talks to a provider, a cluster or a secret store.",
  "time-is-an-input":
    "Decisions are pure functions of op, policy, facts and time; anybody can run a past decision again and get the same answer.",
  "no-fail-open": "A missing verifier, policy, key or clock means refusal; there is no switch that turns verification off.",
} as const;

export type InvariantId = keyof typeof INVARIANTS;
