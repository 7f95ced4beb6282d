use ../common.nu *

change $"give (param name) credentials" access add (param name)
null
