use ../common.nu *

change-policy $"(param name) works with us" --add-operator $"(param name)=(param did)" --groups (param groups) --scopes (param scopes) --may (param may)
