use ../common.nu *

# The new key of a daemon, from an earlier run of this step where there was one.
def new-key [name: string] {
  let known = (look keys show | get --optional keys | default [] | where name == $name)
  if ($known | is-empty) {
    change $"make the key ($name)" keys new $name | get --optional did | default "NEW"
  } else {
    $known.0.did
  }
}

match (param whose) {
  "keeper" => { change-policy "A new keeper's key beside the old one" --add-key $"keeper=(new-key keeper-next)" }
  "controller" => { change-policy "The ops-controller gets a new key" --controller (new-key controller-next) }
  "operator" => {
    if (param new_did) in (keys-of (param operator) | where listed | get --optional did) {
      say {left_out: "the policy lists the new key already"}
    } else {
      change-policy $"A new key for (param operator), beside the old one" --add-key $"(param operator)=(param new_did)"
    }
  }
}
