use ../common.nu *

change $"give (param automation ci) new credentials" access add (param automation ci)
null
