// Writes provisioning/schemas/lib/keeper_policy.ncl anew.
import { writeFileSync } from "node:fs";
import { renderPolicyDef } from "./nickel-schema.ts";

writeFileSync(new URL("../../../provisioning/schemas/lib/keeper_policy.ncl", import.meta.url), renderPolicyDef());
