use ../common.nu *

for row in (look access list | get --optional principals | default []) {
  if ($row.identities | is-empty) { continue }
  let sent = (change $"send again what ($row.principal) has no record of" op resend --unrecorded --as $row.principal)
  for op in ($sent.sent? | default []) { say {jti: $op.jti, kind: $op.kind, target: $op.target} }
}
