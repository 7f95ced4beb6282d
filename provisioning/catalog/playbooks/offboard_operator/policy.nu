use ../common.nu *

change-policy $"(param name) works with us no longer" --remove (param name)
