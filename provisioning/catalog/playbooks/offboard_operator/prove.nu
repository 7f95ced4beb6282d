use ../common.nu *

expect ((access-of (param name)) == null) "neither policy nor bus nor orchestrator knows them" "`triplane access list`, `triplane access remove NAME`"
let keys = (keys-of (param name))
expect ($keys | is-not-empty) "their keys are known" "No approved policy has listed them: is that their name?"
expect ($keys | all {|key| not $key.listed }) "the policy lists none of their keys" "`triplane governance keys NAME`"
expect ($keys | all {|key| $key.delegateOf | is-empty }) "none of their keys is a delegate of policy, desired state or ledger" "`triplane governance keys NAME`, `triplane governance delegates remove DID`"
# A key that no policy ever listed may be anybody's, whatever it calls itself: it has no vote, and people look at it.
for repository in (repositories) {
  for delegate in ($repository.delegates | where {|each| $each.person? == null }) {
    say {look_at: $"($delegate.did) is a delegate of ($repository.name), and nobody's key in the policy"}
  }
}
let verified = (look governance verify)
expect ($verified.ok? == true) "the repositories verify" "`triplane governance verify` names each problem."
