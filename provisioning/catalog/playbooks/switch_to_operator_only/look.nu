use ../common.nu *

let admitters = (look access list | get --optional principals | default [] | where {|row| ("Admit" in $row.may) and ($row.identities | is-not-empty) } | get principal)
demand (($admitters | length) >= (param people 2 | into int)) $"($admitters | str join ', ') may admit" "A policy that gives more people 'Admit is approved first: docs/how-to/change-the-policy.md."
