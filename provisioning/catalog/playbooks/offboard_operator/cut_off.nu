use ../common.nu *

if (param at_once) == "true" {
  change $"take the credentials of (param name) before the policy" access remove (param name) --before-policy
} else {
  say {left_out: "at_once was not asked for"}
}
null
