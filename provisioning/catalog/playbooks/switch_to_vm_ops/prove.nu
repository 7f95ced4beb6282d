use ../common.nu *

until "no op waits for the keeper" { (waiting | get --optional pending) == 0 }
let keeper = (look status | get --optional planes | default [] | where plane == signing | get --optional 0.processes.0.detail)
say {keeper: $keeper.keeper?, policy: $keeper.policy?, reviews: $keeper.openReviews?}
