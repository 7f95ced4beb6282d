use ../common.nu *

# How many of those who stay have signed the approved head of a repository, and how many it needs.
def standing [which: string] {
  let repository = (look governance status | get --optional repositories | default [] | where name == $which | get --optional 0)
  let leaving = ($repository.delegates? | default [] | where name == (param name) | get did)
  let staying = ($repository.approved?.signedBy? | default [] | where {|did| $did not-in $leaving })
  {have: ($staying | length), need: $repository.threshold?, commit: ($repository.approved?.commit? | default "" | str substring 0..11)}
}

# A key that the policy lists no longer counts for nothing, also for what it approved before.
def main [which: string] {
  let now = (standing $which)
  if $now.need? == null { return }
  if $now.have < $now.need {
    let words = (look governance show $now.commit | get --optional words)
    say {waits_for: $"($now.need - $now.have) more behind the approved ($which)", run: $"triplane governance approve ($now.commit) --words ($words)"}
  }
  until $"($now.need) of those who stay stand behind the approved ($which)" { let seen = (standing $which); $seen.have >= $seen.need } --for (param wait 1h | duration-of)
}

# `1h` as Nushell says it.
def duration-of []: string -> duration {
  let unit = (match ($in | str substring (-1..)) { "s" => "sec", "m" => "min", "h" => "hr", _ => "day" })
  $"($in | str substring ..-2)($unit)" | into duration
}
