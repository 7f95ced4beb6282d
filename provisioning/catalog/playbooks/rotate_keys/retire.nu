use ../common.nu *

match (param whose) {
  "keeper" => {
    until "nothing that the old key signed is on its way" { (waiting | get --optional cmd) == 0 } --for 5min
    let now = (look keys show keeper | get --optional keys.0.did)
    change-policy "The keeper's old key leaves" --only-key $"keeper=($now)"
  }
  "controller" => {
    if (param probe) != "" {
      let sent = (change $"restart (param probe)" op submit component.restart (param probe) --wait)
      if $sent != null { say {jti: $sent.op.jti, outcome: $sent.op.outcome.outcome} }
    }
    let now = (look keys show controller | get --optional keys.0.did)
    until "the old key has handed the ledger over" { $now in (look ledger verify | get --optional successions | default [] | get to) } --for 30min
    if not (is-dry-run) { rm --force ($env.TRIPLANE_HOME | path join keys controller-former.json) }
    # The audit-mirror forgets the old key when it starts.
    change "stop the workload plane" down --plane workload
    change "start the workload plane" up --plane workload --detach
  }
  "operator" => {
    let listed = (keys-of (param operator) | where listed and role == "operator" | get --optional did)
    if $listed == [(param new_did)] {
      say {left_out: "the policy lists no old key"}
    } else {
      change-policy $"The old key of (param operator) leaves" --only-key $"(param operator)=(param new_did)"
    }
  }
}
null
