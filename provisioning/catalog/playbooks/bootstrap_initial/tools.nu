use ../common.nu *

let tools = (look doctor | get tools | where required)
for tool in $tools {
  demand ($tool.found and $tool.inRange) $"($tool.name) ($tool.version? | default 'is missing')" $tool.howToGet
}
