use ../common.nu *

change-delegates $"(param name) decides with us" add (param did)
