use ../common.nu *

let governed = (repositories)
if ($governed | is-not-empty) and ($governed | all {|repository| (param did) in ($repository.delegates | get did) }) {
  say {left_out: $"(param name) is a delegate already"}
} else {
  change-delegates $"(param name) decides with us" add (param did)
}
