use ../common.nu *

change "stop the signing plane" down --plane signing
null
