// Makes a golden root: `node packages/workload/provider-local/src/main.ts [--folder DIR] [--suite NAME] [--mirror URL] [--role ROLE]`.
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { defaultGoldenFolder } from "./folders.ts";
import { buildGolden } from "./golden/build.ts";
import { DEFAULT_RECIPE } from "./golden/recipe.ts";
import { GoldenStore } from "./golden/store.ts";
import { goldenNeeds } from "./needs.ts";

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: defaultGoldenFolder(process.env) },
    suite: { type: "string", default: DEFAULT_RECIPE.suite },
    mirror: { type: "string", default: DEFAULT_RECIPE.mirror },
    "security-mirror": { type: "string", default: DEFAULT_RECIPE.securityMirror },
    package: { type: "string", multiple: true, default: [] },
    archives: { type: "string", default: join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "triplane", "debian") },
    role: { type: "string", default: "candidate" },
  },
});

try {
  const needs = await goldenNeeds();
  if (needs.length > 0)
    throw new TriplaneError("provider_failed", `a golden root needs ${needs.join(", ")}`, { hint: "Provide what is missing." });
  const record = await buildGolden(new GoldenStore(values.folder), {
    recipe: { suite: values.suite, mirror: values.mirror, securityMirror: values["security-mirror"], packages: values.package },
    archives: values.archives,
    labels: { "managed-by": "triplane", golden: values.role },
    nowS: Math.floor(Date.now() / 1000),
    say: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`${record.digest}\n`);
} catch (error) {
  const { code, message, hint } = toTriplaneError(error);
  process.stderr.write(`${code}: ${message}\n  ${hint}\n`);
  process.exitCode = 1;
}
