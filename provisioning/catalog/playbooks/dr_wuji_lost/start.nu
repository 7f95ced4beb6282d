use ../common.nu *

change "start the planes" up --detach
null
