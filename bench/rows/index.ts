// All rows, in the order of the table.
import type { Row } from "../harness/row.ts";
import { admission } from "./admission.ts";
import { failpoints } from "./failpoints.ts";
import { ledgerGrowth } from "./ledger-growth.ts";
import { ledgerVerification } from "./ledger-verification.ts";
import { start } from "./start.ts";
import { tokenVerification } from "./token-verification.ts";

export const ROWS: readonly Row[] = [admission, tokenVerification, ledgerVerification, ledgerGrowth, start, failpoints];
