use ../common.nu *

change "start the planes" up --detach
until "the desired state is applied" { (look drift | get --optional ok) == true } --for 5min
