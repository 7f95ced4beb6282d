use ../common.nu *

# How many of those who stay have signed the approved head of a repository, and how many it needs.
def standing [which: string, leaving: list] {
  let repository = (repositories | where name == $which | get --optional 0)
  let signed = ($repository.approved?.signedBy? | default [])
  let staying = (people ($repository.delegates? | default [] | where {|each| $each.did in $signed and $each.did not-in $leaving }))
  {have: ($staying | length), need: $repository.threshold?, commit: ($repository.approved?.commit? | default "" | str substring 0..11)}
}

# A key that the policy lists no longer counts for nothing, also for what it approved before.
def main [which: string] {
  let leaving = (keys-of (param name) | get --optional did | default [])
  let now = (standing $which $leaving)
  if $now.need? == null { return }
  demand ($now.commit != "") $"there is an approved ($which)" "`triplane governance status` shows whose signature is missing."
  if $now.have < $now.need and $now.commit != "" {
    let words = (look governance show $now.commit | get --optional words)
    say {waits_for: $"($now.need - $now.have) more behind the approved ($which)", run: $"triplane governance approve ($now.commit) --words ($words)"}
  }
  until $"($now.need) of those who stay stand behind the approved ($which)" { let seen = (standing $which $leaving); $seen.have >= $seen.need } --for (param wait 1h | duration-of)
}

# `1h` as Nushell says it.
def duration-of []: string -> duration {
  let unit = (match ($in | str substring (-1..)) { "s" => "sec", "m" => "min", "h" => "hr", _ => "day" })
  $"($in | str substring ..-2)($unit)" | into duration
}
