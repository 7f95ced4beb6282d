use ../common.nu *

if (repositories | all {|repository| (param did) in ($repository.delegates | get did) }) and not (is-dry-run) {
  say {left_out: $"(param name) is a delegate already"}
} else {
  change-delegates $"(param name) decides with us" add (param did)
}
