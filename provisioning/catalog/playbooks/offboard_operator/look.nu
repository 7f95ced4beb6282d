use ../common.nu *

let keys = (keys-of (param name))
let listed = (access-of (param name) | get --optional listed)
# In a run after one that was given up they may have left the policy already.
demand ($listed in ["operators" null] and ($keys | is-not-empty)) $"(param name) is or was an operator" "`triplane access list` shows everybody, `triplane governance keys NAME` whom the policy lists no longer."
say {keys: ($keys | select did listed delegateOf)}
for repository in (repositories) {
  let left = (people ($repository.delegates | where did not-in ($keys | get --optional did)) | length)
  demand ($left >= $repository.threshold) $"($left) people who decide on ($repository.name) are left, and ($repository.threshold) decide" "First somebody else comes in: the playbook onboard_operator."
}
