use ../common.nu *

if (keys-of (param name) | is-not-empty) and (access-of (param name) | get --optional listed) == null {
  say {left_out: $"the policy lists (param name) no longer"}
} else {
  change-policy $"(param name) works with us no longer" --remove (param name)
}
