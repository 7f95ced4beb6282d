import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

const missing = ["jq", "curl"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);
const skip = missing.length === 0 ? {} : { skip: `${missing.join(" and ")} not installed: the guide to agents was NOT run` };

test(
  "docs/how-to: an agent gets a grant and a client, asks for something, and people approve it",
  { timeout: GUIDE_TIMEOUT_MS, ...skip },
  () => runGuides(["connect-an-agent"]),
);
