# What the scripts of all playbooks share: parameters, the dry run, and the one way to triplane.
# Every line that a step prints is a JSON record: what it saw, did or would do, and ids of ops (`jti`).

# A parameter of the run, or what stands in for it.
export def param [name: string, otherwise: string = ""]: nothing -> string {
  $env | get --optional $"PARAM_($name | str uppercase)" | default $otherwise
}

export def is-dry-run []: nothing -> bool {
  ($env.TRIPLANE_DRY_RUN? | default "") == "1"
}

export def say [what: record]: nothing -> nothing {
  print ($what | to json --raw)
}

# Ends the step.
export def give-up [why: string, todo: string = ""]: nothing -> nothing {
  say {failed: $why, todo: $todo}
  exit 1
}

# What has to hold before anything is changed. A dry run says that it does not, and goes on.
export def demand [holds: bool, what: string, todo: string]: nothing -> nothing {
  if $holds {
    say {holds: $what}
  } else if (is-dry-run) {
    say {not_yet: $what, todo: $todo}
  } else {
    give-up $"not so: ($what)" $todo
  }
}

# What has to hold afterwards. A dry run cannot know.
export def expect [holds: bool, what: string, todo: string]: nothing -> nothing {
  if (is-dry-run) { say {would: $"see that ($what)"} } else { demand $holds $what $todo }
}

# Runs triplane: its data, or null with its failure said. Some commands print data and end with another code than 0.
def call [words: list] {
  let ended = (triplane [...$words "--json"])
  let data = (if ($ended.out | str trim | is-empty) { null } else { $ended.out | from json })
  let failure = ($ended.err | lines | where ($it | str starts-with '{"error"') | last 1 | each { from json } | get --optional 0.error)
  {data: $data, code: $ended.code, failure: $failure}
}

# The process that runs the playbook has a command done at once, where starting the program takes several times as long. What leaves
# processes behind, or opens a database of the planes, is the program.
def triplane [words: list] {
  let commands = ($env.TRIPLANE_COMMANDS? | default "")
  if $commands == "" or $words.0 in [up down] or ($words | first 2) == [ledger replay] {
    let ended = (^triplane ...$words | complete)
    {code: $ended.exit_code, out: $ended.stdout, err: $ended.stderr}
  } else {
    let asked = {words: ($words | each { into string }), cwd: $env.PWD}
    http post --unix-socket $commands --content-type application/json --max-time 7day http://127.0.0.1/ $asked
  }
}

# Looks: the data, whatever the exit code. Where there is none, the step ends; in a dry run it is null.
export def --wrapped look [...words] {
  let got = (call $words)
  if $got.data != null { return $got.data }
  let why = $"triplane ($words | str join ' '): ($got.failure.message? | default 'it printed nothing')"
  if (is-dry-run) {
    say {not_yet: $why, code: ($got.failure.code? | default null)}
    null
  } else {
    give-up $why ($got.failure.hint? | default "")
  }
}

# Changes something: in a dry run it only says what it would do, and there is no data.
export def --wrapped change [what: string, ...words] {
  if (is-dry-run) {
    say {would: $what, command: $"triplane ($words | str join ' ')"}
    return null
  }
  let got = (call $words)
  if $got.code != 0 {
    give-up $"($what): ($got.failure.message? | default $'exit code ($got.code)')" ($got.failure.hint? | default "")
  }
  say {did: $what, command: $"triplane ($words | str join ' ')"}
  $got.data
}

# Proposes a change of the policy and waits until enough people have approved it, wherever they are.
export def --wrapped change-policy [what: string, ...amendments]: nothing -> nothing {
  if (is-dry-run) {
    say {would: $what, command: $"triplane policy amend POLICY ($amendments | str join ' ')", then: "proposed, and approved by M of N"}
    return
  }
  let folder = (mktemp --directory --tmpdir triplane-policy.XXXXXX)
  let files = ($folder | path join policy)
  look governance checkout policy $files
  change $what policy amend $files ...$amendments
  let made = (change $"propose: ($what)" governance propose policy $files --title $what)
  rm --recursive $folder
  say {waits_for: "approvals", run: $"triplane governance approve ($made.id) --words ($made.words)"}
  change $"wait for approvals: ($what)" governance wait $made.id --wait (param wait 1h)
  null
}

# Changes who governs, and waits until enough of those who do have accepted it.
export def --wrapped change-delegates [what: string, ...words]: nothing -> nothing {
  let made = (change $what governance delegates ...$words)
  if (is-dry-run) { return }
  let open = ($made.changes | where not inForce | get revision | each { str substring 0..11 })
  if ($open | is-empty) { return }
  say {waits_for: "acceptances", run: $"triplane governance delegates accept ($open | str join ' ')"}
  change $"wait for acceptances: ($what)" governance wait ...$open --wait (param wait 1h)
  null
}

# Looks again and again until it is so; gives up when the time is over. In a dry run it looks once.
export def until [what: string, is_so: closure, --for: duration = 2min]: nothing -> nothing {
  if (is-dry-run) {
    say {would: $"wait until ($what)"}
    return
  }
  let deadline = (date now) + $for
  while not (do $is_so) {
    if (date now) > $deadline { give-up $"not within ($for): ($what)" "The logs of the daemons say what they wait for: `triplane status`." }
    sleep 500ms
  }
  say {holds: $what}
}

# Policy and desired state as they are governed.
export def repositories [] {
  look governance status | get --optional repositories | default []
}

# Somebody's keys by all approved policies, the former ones too: [{did, role, listed, delegateOf}]. What a key calls itself is not among it.
export def keys-of [name: string] {
  look governance keys $name | get --optional keys | default []
}

# What `access list` says of somebody.
export def access-of [name: string] {
  look access list | get --optional principals | default [] | where principal == $name | get --optional 0
}

# The people who decide in a repository by these delegates, each once, however many keys they have.
export def people [delegates: list]: nothing -> list<string> {
  $delegates | each {|delegate| $delegate.person? } | compact | uniq
}

# Ops and records that are on their way: {pending, cmd, audit}, or null where nobody can tell.
export def waiting [] {
  look status | get --optional bus.known.waiting
}
