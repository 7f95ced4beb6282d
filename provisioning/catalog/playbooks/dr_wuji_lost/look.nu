use ../common.nu *

let ledger = (look ledger verify --full)
demand ($ledger.ok? == true) $"the ledger verifies: ($ledger.size? | default 0) records" "Put another clone in its place: docs/how-to/recover.md."
let governed = (repositories)
demand ($governed | all {|repository| $repository.approved? != null }) "policy and desired state are approved" "`triplane governance fetch`, or another clone of both."
let planes = (look status | get --optional planes | default [] | each {|plane| $"($plane.plane) ($plane.state)" } | str join ", ")
say {planes: $planes}
