use ../common.nu *

let row = (access-of (param name))
expect ((param did) in ($row.keys? | default [])) "the policy lists them with this key" "`triplane governance status` shows what waits for whom."
expect (($row.identities? | default [] | is-not-empty) and $row.token? == true) "they have credentials" "`triplane access add NAME`"
let delegates = (repositories | all {|repository| (param did) in ($repository.delegates | get did) })
expect $delegates "they are a delegate of policy and desired state" "`triplane governance delegates add DID`"
