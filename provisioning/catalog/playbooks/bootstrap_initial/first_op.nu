use ../common.nu *

let component = (param component web)
let sent = (change $"deploy ($component)" op submit component.deploy $component --arg $"component=($component)" --as (param issuer ana) --wait)
if $sent != null {
  say {jti: $sent.op.jti, outcome: $sent.op.outcome.outcome}
  look op wait $sent.op.jti --as (param issuer ana) --ledger
}
null
