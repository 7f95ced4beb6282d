use ../common.nu *

let joined = (repositories | all {|repository| (param did) in ([...$repository.others ...$repository.delegates] | get did) })
demand $joined $"(param name) has joined with this key" "On their machine: `triplane governance join PIN --name NAME --remote …`; then `triplane governance fetch` here."
let taken = (access-of (param name))
# In a run after one that was given up it may be theirs already.
demand ($taken == null or (param did) in ($taken.keys? | default [])) $"nobody else is called (param name)" "Somebody else has the name; for a new key of theirs there is rotate_keys."
