use ../common.nu *

let others = (look status | get --optional planes | default [] | where plane != "ci")
demand ($others | all { $in.state == "up" }) "workload plane and signing plane are up" "Those first: dr_wuji_lost, `triplane up`."
let row = (look access list | get --optional principals | default [] | where principal == (param automation ci) | get --optional 0)
demand ($row.listed? == "automations") $"the policy lists the automation (param automation ci)" "`triplane access list` shows everybody."
