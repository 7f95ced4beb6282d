use ../common.nu *

change "start the signing plane" up --plane signing --detach
null
