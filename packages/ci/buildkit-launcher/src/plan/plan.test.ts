// What a build asks for: its size with a reason, and the arguments of buildctl.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sizing } from "@triplane/contract";
import { type BuildctlPlan, buildctlArguments, imageNames } from "./buildctl.ts";
import { languageOf, readBuildSpec, sizeOf } from "./size.ts";

const HISTORY: Sizing = {
  repo: "a/b",
  target: "",
  platform: "linux/amd64",
  tier: "cx32",
  source: "history",
  reason: "p95 of 9",
  samples: [],
};

test("sizeOf: .build-spec.ncl, else history, else language, with the reason", () => {
  assert.deepEqual(sizeOf(readBuildSpec("{ tier = 'cx42 }"), HISTORY).tier, "cx42");
  assert.deepEqual(sizeOf(readBuildSpec("{ memory_gib = 5 }"), HISTORY), {
    tier: "cx32",
    source: "spec",
    reason: "cx32: .build-spec.ncl says so",
  });
  assert.deepEqual(sizeOf(readBuildSpec('{ owner = "ana" }'), HISTORY), { tier: "cx32", source: "history", reason: "p95 of 9" });
  assert.deepEqual(readBuildSpec('{ owner = "ana" }').unknown, ["owner"]);
  assert.equal(sizeOf(undefined, { ...HISTORY, source: "language" }).source, "language");
});

test("readBuildSpec: refuses what is no data, a tier that is none, and memory that no tier has", () => {
  assert.throws(() => readBuildSpec("{ tier = (fun x => x) 'cx22 }"), { code: "nickel_not_declarative" });
  for (const text of ["{ tier = 'cx99 }", "{ memory_gib = 64 }", "{ tier = 'cx22, memory_gib = 8 }", "[]"])
    assert.throws(() => readBuildSpec(text), { code: "build_spec_invalid" }, text);
});

test("languageOf: by the files at the root", () => {
  assert.equal(languageOf(new Set(["package.json", "Cargo.toml"])), "rust");
  assert.equal(languageOf(new Set(["README.md"])), "other");
});

const PLAN: BuildctlPlan = {
  registry: "zot.internal:5000",
  repo: "acme/shop",
  tags: ["1", "main"],
  dockerfile: "Dockerfile",
  target: "release",
  platforms: ["linux/amd64"],
  buildArgs: { A: "1=2,3" },
  cacheKey: "release-amd64",
  secrets: [{ id: "npm", file: "/run/s/npm" }],
  contextFolder: "/c",
  dockerfileFolder: "/d",
  metadataFile: "/m.json",
};

test("buildctlArguments: names, cache with ignore-error, secrets as files only", () => {
  const words = buildctlArguments(PLAN);
  assert.deepEqual(imageNames(PLAN), ["zot.internal:5000/images/acme/shop:1", "zot.internal:5000/images/acme/shop:main"]);
  assert.ok(
    words.includes(
      '--output=type=image,"name=zot.internal:5000/images/acme/shop:1,zot.internal:5000/images/acme/shop:main",push=true,oci-mediatypes=true',
    ),
  );
  assert.ok(words.includes("build-arg:A=1=2,3"));
  assert.ok(words.includes("id=npm,src=/run/s/npm"));
  assert.ok(
    words.some((word) =>
      /^--export-cache=type=registry,ref=zot\.internal:5000\/cache\/acme\/shop:release-amd64,mode=max,.*,ignore-error=true$/.test(word),
    ),
  );
  assert.ok(!buildctlArguments({ ...PLAN, cacheKey: undefined }).some((word) => word.includes("cache")));
  for (const bad of [{ tags: ["a,push=false"] }, { tags: [] }, { cacheKey: "x,mode=min" }, { buildArgs: { "a b": "" } }])
    assert.throws(() => buildctlArguments({ ...PLAN, ...bad }), { code: "config_invalid" });
});
