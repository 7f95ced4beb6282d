import { it } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

it("docs/how-to/write-a-check.md: every block runs and prints what the guide says", { timeout: GUIDE_TIMEOUT_MS }, () =>
  runGuides(["write-a-check"]),
);
