use ../common.nu *

until "what runs is the approved desired state" { (look drift | get --optional ok) == true } --for 5min
let sync = (look status | get --optional planes | default [] | where plane == ci | get --optional 0.processes.0)
expect ($sync.healthy? == true) "desired-sync is well" "Its log says why it is not: `triplane status --json`."
say {last: $sync.detail?.last?}
