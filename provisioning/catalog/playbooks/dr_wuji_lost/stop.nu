use ../common.nu *

change "stop what is left of all planes" down
null
