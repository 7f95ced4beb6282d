import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

test(
  "docs/how-to: a policy change goes from a proposal over two approvals to an op that is decided under it, on running planes",
  {
    timeout: GUIDE_TIMEOUT_MS,
  },
  () => runGuides(["change-the-policy"]),
);
