use ../common.nu *

change $"take the credentials of (param name)" access remove (param name)
null
