use ../common.nu *

let rows = (look access list | get --optional principals | default [] | where principal == (param name))
expect ($rows | is-empty) "neither policy nor bus nor orchestrator knows them" "`triplane access list`, `triplane access remove NAME`"
let delegates = (look governance status | get --optional repositories | default [] | each {|repository| $repository.delegates | get name } | flatten)
expect ((param name) not-in $delegates) "they are no delegate" "`triplane governance delegates remove DID`"
let verified = (look governance verify)
say {verified: ($verified != null)}
