use ../common.nu *

let repositories = (look governance status | get --optional repositories | default [])
let joined = ($repositories | all {|repository| (param did) in ([...$repository.others ...$repository.delegates] | get did) })
demand $joined $"(param name) has joined with this key" "On their machine: `triplane governance join PIN --name NAME --remote …`; then `triplane governance fetch` here."
let taken = (look access list | get --optional principals | default [] | where principal == (param name))
demand ($taken | is-empty) $"nobody is called (param name)" "Somebody else has the name; for a new key of theirs there is rotate_keys."
