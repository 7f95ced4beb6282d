use ../common.nu *

let status = (look status)
let down = ($status | get --optional planes | default [] | where state != "up" | get plane)
demand ($down | is-empty) "all planes are up" "`triplane up --detach`; `triplane status` shows what is not well."
let ledger = (look ledger verify)
demand ($ledger.ok? == true) "the ledger verifies" "`triplane ledger verify` names each problem."
if (param whose) == "operator" {
  demand ((param operator) != "" and (param new_did) != "") "operator and new_did are given" "--param operator=NAME --param new_did=DID"
  let joined = (repositories | all {|repository|
    (param new_did) in ([...$repository.others ...$repository.delegates] | get did)
  })
  demand $joined $"(param operator) has joined with the new key" "On their machine: `triplane governance join PIN --name NAME --remote …`; then `triplane governance fetch` here."
}
