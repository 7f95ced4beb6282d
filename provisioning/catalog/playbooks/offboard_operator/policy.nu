use ../common.nu *

if (access-of (param name) | get --optional listed) == null and not (is-dry-run) {
  say {left_out: $"the policy lists (param name) no longer"}
} else {
  change-policy $"(param name) works with us no longer" --remove (param name)
}
