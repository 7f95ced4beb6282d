use ../common.nu *

if (param did) in (access-of (param name) | get --optional keys | default []) {
  say {left_out: $"the policy lists (param name) with this key already"}
} else {
  change-policy $"(param name) works with us" --add-operator $"(param name)=(param did)" --groups (param groups) --scopes (param scopes) --may (param may)
}
