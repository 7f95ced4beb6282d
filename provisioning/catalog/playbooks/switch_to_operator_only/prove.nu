use ../common.nu *

let signing = (look status | get --optional planes | default [] | where plane == signing | get --optional 0)
expect ($signing.state? == down and ($signing.processes | is-empty)) "no keeper runs here" "`triplane down --plane signing`"
say {next: "triplane keeper admit --as NAME"}
