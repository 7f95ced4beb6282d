use ../common.nu *

change "start the CI plane" up --plane ci --detach
null
