import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

test(
  "docs/how-to: with keeper and broker gone one sealed key restarts a component; ratified it is fine, not ratified it freezes its holder",
  { timeout: GUIDE_TIMEOUT_MS },
  () => runGuides(["break-the-glass"]),
);
