use ../common.nu *

let ledger = (look ledger verify --full)
if $ledger != null {
  demand $ledger.ok "the ledger verifies, every decision run again" "`triplane ledger verify --full` names each problem."
  say {records: $ledger.size, root: $ledger.checkpoint?.root?}
}
