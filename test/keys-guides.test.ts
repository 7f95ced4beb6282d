import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { GUIDE_TIMEOUT_MS, runGuides } from "./e2e/guides.ts";

const hasAgent = ["ssh-agent", "ssh-add"].every((program) => spawnSync(program, ["-?"]).error === undefined);
const skip = hasAgent ? {} : { skip: "OpenSSH's client is not installed: the guides to keys were NOT run" };

test(
  "docs/how-to: keeper and controller get new keys on running planes, with nothing lost; a stolen operator's key is taken out",
  { timeout: GUIDE_TIMEOUT_MS, ...skip },
  () => runGuides(["rotate-a-key", "lose-a-key"]),
);
