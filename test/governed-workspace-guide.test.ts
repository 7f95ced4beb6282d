import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

test(
  "docs/how-to: three people on three machines start a governed workspace, and add and replace an operator",
  {
    timeout: GUIDE_TIMEOUT_MS,
  },
  () => runGuides(["start-a-governed-workspace", "add-an-operator"]),
);
