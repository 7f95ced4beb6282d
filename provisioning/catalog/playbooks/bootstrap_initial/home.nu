use ../common.nu *

let there = ($env.TRIPLANE_HOME | path join workspace.json | path exists)
demand (not $there) $"nothing is in ($env.TRIPLANE_HOME) yet" "A workspace is made once. Another folder: --home DIR."
let ports = (if (param port_base) == "" { [] } else { [--port-base (param port_base)] })
change $"make the workspace (param workspace libre-wuji)" init --workspace (param workspace libre-wuji) ...$ports
null
