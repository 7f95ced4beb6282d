use ../common.nu *

let name = (param automation ci)
let known = (look keys show | get --optional keys | default [] | where name == $"($name)-next" | get --optional 0.did)
let did = ($known | default (change $"make the key ($name)-next" keys new $"($name)-next" | get --optional did | default "NEW"))
change-policy $"($name) has a new key, the lost one counts no more" --only-key $"($name)=($did)"
change $"put the new key of ($name) in place" keys rotate $name $"($name)-next"
null
