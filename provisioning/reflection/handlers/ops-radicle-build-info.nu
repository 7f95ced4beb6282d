# What the system is: planes, the way of an op, streams, repositories, builds, the registry, invariants, parts, modes, playbooks.
#
# From the provisioning root: nu reflection/handlers/ops-radicle-build-info.nu --provisioning-root .
#
# Every row is read now by `ontoref describe`, from the code's own tables, .ontology/core.ncl and the folders of this root; its column
# `source` says where. Nothing is written down here.

def main [
    --provisioning-root: string = "." # the folder that holds reflection/modes
    --topic: string # only rows of this topic
    --json # print JSON instead of a table
] {
    let root = ($provisioning_root | path expand)
    let words = (if $topic == null { [] } else { [$topic] })
    let said = (ontoref $root [describe ...$words --provisioning-root $root --json])
    if $said.exit_code != 0 {
        error make --unspanned { msg: ($said.stderr | from json | get error.message) }
    }
    let rows = ($said.stdout | from json | get facts)
    if $json {
        $rows | to json
    } else if (is-terminal --stdout) {
        $rows
    } else {
        # Nobody's window cuts it off: a file or a pipe gets every column.
        $rows | table --width 240
    }
}

# The program of the checkout that the root is in, else the one in PATH.
def ontoref [root: string, words: list<string>] {
    let program = ([$root, "..", "packages", "cli", "bin", "ontoref.mjs"] | path join | path expand)
    if ($program | path exists) {
        ^node $program ...$words | complete
    } else {
        ^ontoref ...$words | complete
    }
}
