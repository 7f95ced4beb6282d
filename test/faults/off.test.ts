import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { childEnvironment } from "@triplane/cli";

const ROOT = join(import.meta.dirname, "../..");
const TEST_ONLY = /\.test\.ts$|\/testing(?:\/|\.ts$)|^packages\/testkit\//;

/** Sources that are part of an installation, by path from the root. */
async function shipped(): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>();
  for await (const path of glob("packages/**/*.{ts,mjs}", { cwd: ROOT, exclude: (name) => name === "node_modules" }))
    if (!TEST_ONLY.test(path)) sources.set(path, await readFile(join(ROOT, path), "utf8"));
  return sources;
}

async function withText(pattern: RegExp): Promise<readonly string[]> {
  return [...(await shipped())].filter(([, text]) => pattern.test(text)).map(([path]) => path);
}

describe("failpoints cannot be switched on by accident", () => {
  it("no source that is shipped imports the test kit", async () => {
    assert.ok((await shipped()).size > 100);
    assert.deepEqual(await withText(/["']@triplane\/testkit/), []);
  });

  it("no source that is shipped knows the variables of the arming module or of the mutants", async () => {
    assert.deepEqual(await withText(/TRIPLANE_(?:FAULTS|MUTANT)/), []);
  });

  it("only the contract speaks of the channel, and it never listens", async () => {
    const own = "packages/contract/src/failpoints.ts";
    assert.deepEqual(await withText(/diagnostics_channel|FAILPOINT_CHANNEL/), [own]);
    assert.doesNotMatch(await readFile(join(ROOT, own), "utf8"), /subscribe\(/);
  });

  it("no package brings the test kit into an installation", async () => {
    const bringing: string[] = [];
    for await (const path of glob("packages/**/package.json", { cwd: ROOT, exclude: (name) => name === "node_modules" })) {
      const { devDependencies: _, ...manifest } = JSON.parse(await readFile(join(ROOT, path), "utf8")) as Record<string, object>;
      if (JSON.stringify(Object.entries(manifest).filter(([name]) => /ependencies$/.test(name))).includes("@triplane/testkit"))
        bringing.push(path);
    }
    assert.deepEqual(bringing, []);
    const manifest = JSON.parse(await readFile(join(ROOT, "packages/testkit/package.json"), "utf8")) as { readonly private?: boolean };
    assert.equal(manifest.private, true);
  });

  it("no daemon is started with a module ahead of it, nor with what the user's shell says about that", async () => {
    assert.deepEqual(
      (await withText(/["'`]--(?:import|require)\b/)).filter((path) => path.startsWith("packages/cli/")),
      [],
    );
    const hostile = { NODE_OPTIONS: "--import=x", TRIPLANE_FAULTS_DIR: "/x", TRIPLANE_MUTANT: "x" };
    assert.deepEqual(childEnvironment(hostile), childEnvironment({}));
  });
});
