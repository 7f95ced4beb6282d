# What the handlers of validations share: thin over `triplane validate … --json`.

# Runs a validation and prints its checks as a table. Options that are empty are left out.
export def show [name: string, options: record] {
  let flags = $options | transpose flag value | where value != "" | each {|it| [$"--($it.flag)" $it.value] } | flatten
  let ran = ^triplane validate $name --json ...$flags | complete
  if ($ran.stdout | str trim) == "" {
    print --stderr ($ran.stderr | str trim)
    exit $ran.exit_code
  }
  let checks = $ran.stdout | from json | get reports | first | get checks
  print ($checks | each {|it| { verdict: $it.verdict, check: $it.id, saw: $it.saw, todo: ($it.todo? | default ""), guards: $it.invariant } } | table --width 200)
  exit $ran.exit_code
}
