use ../common.nu *

let ledger = (look ledger verify --full)
demand ($ledger.ok? == true) "the ledger verifies across the change, every decision run again" "`triplane ledger verify --full` names each problem."
say {records: $ledger.size?, root: $ledger.checkpoint?.root?, handed_over: ($ledger.successions? | default [] | length)}
