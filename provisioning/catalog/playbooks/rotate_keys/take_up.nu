use ../common.nu *

match (param whose) {
  "keeper" => {
    # What waits in the queue meanwhile is decided by the new key.
    change "stop the keeper" down --plane signing
    change "put the keeper's new key in place" keys rotate keeper keeper-next
    change "start the keeper" up --plane signing --detach
  }
  "controller" => {
    # Whoever waits for an answer would not believe one of the old key afterwards: so the controller first finishes what it has.
    change "stop the keeper" down --plane signing
    until "the controller has nothing in hand" { let left = (waiting); ($left.cmd? == 0) and ($left.audit? == 0) } --for 5min
    change "put the controller's new key in place" keys rotate controller controller-next
    change "stop all planes" down
    change "start all planes" up --detach
  }
  "operator" => {
    let old = (keys-of (param operator) | where {|key| $key.did != (param new_did) and ($key.delegateOf | is-not-empty) } | get --optional did)
    if ($old | is-empty) {
      say {left_out: $"no old key of (param operator) is a delegate"}
    } else {
      change-delegates $"(param operator)'s new key in the old one's place" rotate ...$old (param new_did)
    }
  }
}
null
