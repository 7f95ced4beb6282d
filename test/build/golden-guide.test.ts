import { test } from "node:test";
import { whyNoRunners } from "@triplane/provider-local/testing";
import { GUIDE_TIMEOUT_MS, runGuides } from "../e2e/guides.ts";

const skip = (await whyNoRunners()) ?? false;

test(
  "docs/how-to: the golden image is built, rotated, rolled back and looked into, with real roots and canaries",
  { skip, timeout: GUIDE_TIMEOUT_MS },
  () => runGuides(["rotate-the-golden-image"]),
);
