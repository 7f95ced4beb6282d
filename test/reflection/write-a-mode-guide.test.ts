import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "../e2e/guides.ts";

test(
  "docs/how-to: a mode is written, refused with its place, drawn, run by CI and a person, and leaves evidence",
  { timeout: GUIDE_TIMEOUT_MS },
  () => runGuides(["write-a-mode"]),
);
