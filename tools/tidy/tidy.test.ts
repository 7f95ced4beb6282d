// The house rules hold in this repository, and each of them notices what it is for.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { filesAreSmall, filesSayWhatTheyAre, MAX_LINES, namesAreKebabCase, wordsAreAllowed } from "./files.ts";
import { coresArePure, dependenciesAreDeclared, importsFollowRooms, roomsHaveNoCycle } from "./imports.ts";
import { RULES } from "./index.ts";
import { linksResolve } from "./links.ts";
import { lockFileMatches } from "./lock-file.ts";
import { openRepository, problemLine, type Rule, repositoryOf } from "./repository.ts";
import { ROOMS } from "./rooms.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

for (const [name, rule] of Object.entries(RULES)) {
  test(`repository: ${name}`, async () => {
    assert.deepEqual(rule(await openRepository(ROOT)).map(problemLine), []);
  });
}

function problemsOf(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  return rule(repositoryOf(new Map(Object.entries(files)))).map(problemLine);
}

test("importsFollowRooms: refuses a plane importing a plane, a deep import, a way out of the package, the testkit in a daemon", () => {
  assert.deepEqual(
    problemsOf(importsFollowRooms, {
      "packages/signing/keeper/src/a.ts": 'import { x } from "@triplane/controller";',
      "packages/signing/keeper/src/b.ts": 'import { x } from "@triplane/bus/src/nats-bus.ts";',
      "packages/signing/keeper/src/c.ts": 'export * from "../../../kit/src/index.ts";',
      "packages/signing/keeper/src/d.ts": 'const x = await import("@triplane/testkit");',
      "packages/signing/keeper/src/d.test.ts": 'import { x } from "@triplane/testkit";',
      "packages/signing/keeper/src/e.ts": 'import { x } from "@triplane/contract";\nimport { y } from "./a.ts";',
    }),
    [
      "packages/signing/keeper/src/a.ts:1: keeper may not import @triplane/controller (tools/tidy/rooms.ts)",
      "packages/signing/keeper/src/b.ts:1: @triplane/bus/src/nats-bus.ts: only the root of a package is public",
      "packages/signing/keeper/src/c.ts:1: ../../../kit/src/index.ts leaves packages/signing/keeper: import @triplane/… instead",
      "packages/signing/keeper/src/d.ts:1: keeper may not import @triplane/testkit (tools/tidy/rooms.ts)",
    ],
  );
});

test("dependenciesAreDeclared: refuses a database in the keeper and an import without a declaration", () => {
  const manifests = Object.fromEntries(Object.values(ROOMS).map(({ folder }) => [`${folder}/package.json`, "{}"]));
  assert.deepEqual(
    problemsOf(dependenciesAreDeclared, {
      ...manifests,
      "packages/signing/keeper/package.json": '{"dependencies":{"surrealdb":"2.0.8","@triplane/store":"0.1.0"}}',
      "packages/kit/src/a.ts": 'import { z } from "zod";',
      "packages/kit/src/a.test.ts": 'import fc from "fast-check";',
    }),
    [
      "packages/kit/src/a.ts:1: zod is not in packages/kit/package.json",
      "packages/signing/keeper/package.json: keeper may not depend on surrealdb: the keeper has no database and no web",
      "packages/signing/keeper/package.json: keeper may not depend on @triplane/store",
    ],
  );
});

test("roomsHaveNoCycle: the table itself", () => {
  assert.deepEqual(roomsHaveNoCycle(), []);
});

test("coresArePure: refuses the system in a service and in the policy (time-is-an-input)", () => {
  assert.deepEqual(
    problemsOf(coresArePure, {
      "packages/workload/controller/src/service.ts": 'import { readFile } from "node:fs/promises";',
      "packages/policy/src/decide.ts": 'import os from "node:os";',
      "packages/policy/src/decide.test.ts": 'import test from "node:test";',
    }).length,
    2,
  );
});

test("filesAreSmall, filesSayWhatTheyAre, namesAreKebabCase: one concept in a file, named and said", () => {
  assert.equal(problemsOf(filesAreSmall, { "a.ts": "x\n".repeat(MAX_LINES + 1), "b.ts": "x\n".repeat(MAX_LINES) }).length, 1);
  assert.deepEqual(
    problemsOf(filesSayWhatTheyAre, { "a.ts": "export {};", "b.mts": "#!/usr/bin/env node\n// A program.", "c.md": "", "d.test.ts": "" }),
    ["a.ts:1: does not begin with a comment that says what it is"],
  );
  assert.deepEqual(problemsOf(namesAreKebabCase, { "src/keyFile.ts": "", "src/key-file.test.ts": "", "src/b2.ts": "" }), [
    "src/keyFile.ts: is not named in kebab-case",
  ]);
});

test("wordsAreAllowed: refuses unfinished work, switched-off rules, paths of one machine, and the history of the work", () => {
  const bad = [`// TO${"DO"}: later`, `// @ts-ig${"nore"}`, `see /wo${"rk"}/main`, `for is${"sue"} 12`, `https://registry.npm${"js"}.org/`];
  for (const line of bad) assert.equal(problemsOf(wordsAreAllowed, { "a.ts": line }).length, 1, line);
  assert.deepEqual(
    problemsOf(wordsAreAllowed, { "a.ts": "nats-server#7564 makes this framework/root/of things a session of its own" }),
    [],
  );
});

test("linksResolve: files, folders and headings, but not what is in code", () => {
  const files = {
    "docs/a.md": "# One\n\n## Two words, really?\n\n## One\n",
    "README.md":
      "[ok](docs/a.md) [ok](docs/a.md#two-words-really) [ok](docs/a.md#one-1) [ok](docs) [ok](https://example.org) [ok](#here)\n# Here\n`[no](x.md)`\n```\n[no](y.md)\n```\n[bad](docs/b.md) [bad](docs/a.md#three)",
  };
  assert.deepEqual(problemsOf(linksResolve, files), [
    "README.md:7: docs/b.md leads nowhere",
    "README.md:7: docs/a.md#three: docs/a.md has no such heading",
  ]);
});

test("lockFileMatches: notices a manifest that changed alone, and a package that runs a script", () => {
  const lock = { packages: { "": { version: "1.0.0" }, a: { dependencies: { zod: "4" } }, "node_modules/x": { hasInstallScript: true } } };
  assert.deepEqual(
    problemsOf(lockFileMatches, {
      "package-lock.json": JSON.stringify(lock),
      "package.json": '{"version":"1.0.0"}',
      "a/package.json": '{"dependencies":{"zod":"5"}}',
    }),
    [
      "a/package.json: package-lock.json has other dependencies: run npm install",
      "package-lock.json: node_modules/x runs a script when it is installed: npm blocks those, and so do we",
    ],
  );
});
