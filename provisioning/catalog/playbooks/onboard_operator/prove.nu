use ../common.nu *

let row = (look access list | get --optional principals | default [] | where principal == (param name) | get --optional 0)
expect ((param did) in ($row.keys? | default [])) "the policy lists them with this key" "`triplane governance status` shows what waits for whom."
expect (($row.identities? | default [] | is-not-empty) and $row.token? == true) "they have credentials" "`triplane access add NAME`"
let delegates = (look governance status | get --optional repositories | default [] | all {|repository| (param did) in ($repository.delegates | get did) })
expect $delegates "they are a delegate of policy and desired state" "`triplane governance delegates add DID`"
