import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { resolveConfig } from "@triplane/kit";
import { CONFIG } from "../config.ts";

const REQUIRED = ["--workspace", "w1", "--data-dir", "/d", "--catalog-dir", "/c", "--tokens-file", "/t"];
const resolve = (...argv: readonly string[]) => resolveConfig(CONFIG, { argv: [...REQUIRED, ...argv], env: {} });

test("options of machines: what does not go together is said, with the flag", async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["--vm-pool-provider", "aws"], /--vm-pool-provider/],
    [["--vm-pool-provider", "hcloud"], /hcloud needs --hcloud-token-file/],
    [["--registry", "r.example:5000"], /--registry and --registry-key-file belong together/],
    [["--registry", "https://r.example", "--registry-key-file", "/k"], /must be host:port/],
    [["--vm-pool-golden", "golden"], /"golden" is not KEY=VALUE/],
    [["--local-scale", "0"], /--local-scale/],
  ];
  for (const [argv, message] of wrong) await assert.rejects(resolve(...argv), { code: "config_invalid", message });
  assert.equal((await resolve("--vm-pool-provider", "local")).localScale, 1);
});

test("an orchestrator that names no provider loads none, nor the registry", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    await import(${JSON.stringify(join(import.meta.dirname, "..", "main.ts"))});
    process.stdout.write(JSON.stringify(urls.filter((url) => /packages.workload.(provider-|registry)/.test(url)).map((url) => url.split("workload/")[1])));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  assert.deepEqual((JSON.parse(stdout) as readonly string[]).toSorted(), [
    "provider-hcloud/src/settings.ts",
    "provider-local/src/options.ts",
  ]);
});
