use ../common.nu *

# What the ledger leads to, beside what runs.
def rehearse [] {
  let folder = (mktemp --directory --tmpdir triplane-rehearsal.XXXXXX)
  let rehearsed = (look ledger replay --into ($folder | path join state))
  rm --recursive --force $folder
  {running: $rehearsed.running?, ledger: $rehearsed.orchestrator?.stateHash?}
}

until "nothing is on its way" { let left = (waiting); ($left.pending? == 0) and ($left.cmd? == 0) and ($left.audit? == 0) } --for 5min
# An op that the controller took from the queue is on no stream until it has ended.
until "the ledger leads to exactly the state that runs" { let found = (rehearse); $found.running != null and $found.running == $found.ledger } --for 5min
let found = (rehearse)
expect ($found.running != null and $found.running == $found.ledger) "the state that runs is what the ledger leads to" "`triplane ledger replay --into DIR` shows both hashes."
say {state_hash: $found.running}
