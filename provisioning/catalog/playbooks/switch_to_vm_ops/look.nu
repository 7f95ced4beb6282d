use ../common.nu *

let planes = (look status | get --optional planes | default [])
let workload = ($planes | where plane == workload | get --optional 0)
demand ($workload.state? == "up" and ($workload.processes | all { $in.healthy })) "the workload plane is up and well" "`triplane up --plane workload --detach`; `triplane status` shows what is not well."
