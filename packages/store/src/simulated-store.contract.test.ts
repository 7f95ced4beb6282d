// The simulated store, on which whole workspaces are simulated, passes the contract suite of the real one.
import { CALM, SimulatedDatabase, selfRunning } from "@triplane/testkit";
import { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf } from "./document.ts";
import { CONTRACT_MIGRATIONS, storeContract } from "./testing/store-contract.ts";

storeContract("simulated", async () => {
  const scheduler = selfRunning();
  const rules = { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf };
  const database = new SimulatedDatabase({ scheduler, faults: CALM, rules, migrations: CONTRACT_MIGRATIONS });
  return database.open(scheduler.process("client"));
});
