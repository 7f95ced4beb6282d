use ../common.nu *

let dids = (look governance status | get --optional repositories.0.delegates | default [] | where name == (param name) | get did)
if ($dids | is-empty) {
  say {left_out: $"(param name) is no delegate"}
} else {
  change-delegates $"(param name) decides with us no longer" remove ...$dids
}
