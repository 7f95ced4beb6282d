use ../common.nu *

if (param whose) == "operator" {
  let keys = (keys-of (param operator) | where role == "operator")
  expect ($keys | where listed | get --optional did | $in == [(param new_did)]) "the policy lists the new key, and no old one" "`triplane governance keys NAME`"
  expect ($keys | where did != (param new_did) | all {|key| $key.delegateOf | is-empty }) "no old key is a delegate" "`triplane governance keys NAME`, `triplane governance delegates remove DID`"
}
let ledger = (look ledger verify --full)
demand ($ledger.ok? == true) "the ledger verifies across the change, every decision run again" "`triplane ledger verify --full` names each problem."
say {records: $ledger.size?, root: $ledger.checkpoint?.root?, handed_over: ($ledger.successions? | default [] | length)}
