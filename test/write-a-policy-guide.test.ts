import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

test(
  "docs/how-to: a policy is written from nothing to quorums, a wait, a freeze and an agent, and its cases hold",
  {
    timeout: GUIDE_TIMEOUT_MS,
  },
  () => runGuides(["write-a-policy"]),
);
