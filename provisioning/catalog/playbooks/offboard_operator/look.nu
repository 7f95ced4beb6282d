use ../common.nu *

let row = (look access list | get --optional principals | default [] | where principal == (param name) | get --optional 0)
demand ($row.listed? == "operators") $"(param name) is an operator" "`triplane access list` shows everybody."
for repository in (look governance status | get --optional repositories | default []) {
  let left = ($repository.delegates | where name != (param name) | length)
  demand ($left >= $repository.threshold) $"($left) delegates of ($repository.name) are left, and ($repository.threshold) decide" "First somebody else comes in: the playbook onboard_operator."
}
