use ../common.nu *

change "stop what is left of the CI plane" down --plane ci
null
