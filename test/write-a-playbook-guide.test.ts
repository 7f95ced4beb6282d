import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

test("docs/how-to: a playbook is written, tried, run, confirmed, and its receipt verified", { timeout: GUIDE_TIMEOUT_MS }, () =>
  runGuides(["write-a-playbook"]),
);
