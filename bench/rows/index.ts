// All rows, in the order of the table.
import type { Row } from "../harness/row.ts";
import { admission } from "./admission.ts";
import { builds } from "./builds.ts";
import { endToEnd } from "./end-to-end.ts";
import { failpoints } from "./failpoints.ts";
import { latency } from "./latency.ts";
import { ledgerGrowth } from "./ledger-growth.ts";
import { ledgerVerification } from "./ledger-verification.ts";
import { memory } from "./memory.ts";
import { modes } from "./modes.ts";
import { registry } from "./registry.ts";
import { rivals } from "./rivals.ts";
import { runnerStart } from "./runner-start.ts";
import { start } from "./start.ts";
import { tokenVerification } from "./token-verification.ts";
import { vmPool } from "./vm-pool.ts";
import { workspaces } from "./workspaces.ts";

export const ROWS: readonly Row[] = [
  admission,
  tokenVerification,
  endToEnd,
  latency,
  rivals,
  ledgerVerification,
  ledgerGrowth,
  memory,
  start,
  runnerStart,
  builds,
  vmPool,
  workspaces,
  registry,
  failpoints,
  modes,
];
