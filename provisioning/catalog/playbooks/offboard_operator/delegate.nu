use ../common.nu *

# The policy says no longer which keys are theirs, and a name that a key gave itself never did: the policies before it do.
let dids = (keys-of (param name) | where {|key| $key.delegateOf | any {|repository| $repository in ["policy" "desired"] } } | get --optional did)
if ($dids | is-empty) {
  say {left_out: $"no key of (param name) is a delegate"}
} else {
  change-delegates $"(param name) decides with us no longer" remove ...$dids
}
