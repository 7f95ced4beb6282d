use ../common.nu *

let rebuilt = (change "rebuild what is gone from the ledger" ledger replay)
if $rebuilt != null {
  say {controller: $rebuilt.controller.did, orchestrator: $rebuilt.orchestrator.did, keeper: $rebuilt.keeper?.did?, streams: $rebuilt.streams, state_hash: $rebuilt.orchestrator.stateHash}
  let wanted = (param state_hash)
  if $wanted != "" {
    demand ($wanted == $rebuilt.orchestrator.stateHash) $"the state hash is ($wanted)" "The ledger lacks records that the lost state had: another clone may have them."
  }
}
