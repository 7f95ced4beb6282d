import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, TriplaneError } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { drawProblems, problemsOf } from "@triplane/nickel";
import { FIXTURES, testHome } from "../testing.ts";
import { CatalogFolder } from "./catalog-folder.ts";
import { loadKinds } from "./kinds-folder.ts";

interface Place {
  readonly catalog: CatalogFolder;
  readonly folder: string;
  readonly probe: string;
  readonly releases: string;
  readonly secrets: string;
}

async function withCatalog(work: (place: Place) => Promise<void>): Promise<void> {
  await using home = await testHome();
  const folder = join(home.path, "catalog");
  await cp(FIXTURES, folder, { recursive: true });
  const releases = join(home.path, "releases");
  const secrets = join(home.path, "secrets");
  await work({ folder, catalog: new CatalogFolder(folder, releases, secrets), probe: join(folder, "probe"), releases, secrets });
}

test("CatalogFolder: a release is a copy that later edits of the catalog do not change", () =>
  withCatalog(async ({ catalog, probe }) => {
    const before = await catalog.find("probe");
    assert.ok(before);
    await writeFile(join(probe, "probe.mjs"), "changed");
    const after = await catalog.find("probe");
    assert.notEqual(after?.digest, before.digest);
    const release = await catalog.release("probe", before.digest);
    assert.match(await readFile(join(release.directory, "probe.mjs"), "utf8"), /createServer/);
  }));

test("CatalogFolder: a folder that rests is read once, and every change of it is seen", () =>
  withCatalog(async ({ folder, probe, releases, secrets }) => {
    const later = { nowMs: () => systemClock.nowMs() + 60_000 };
    const resting = new CatalogFolder(folder, releases, secrets, later);
    const first = await resting.find("probe");
    assert.equal(await resting.find("probe"), first);
    const file = join(probe, "probe.mjs");
    const { atime, mtime } = await stat(file);
    const text = await readFile(file, "utf8");
    // Same size, same time of change: what the file system notes for itself still tells.
    await writeFile(file, text.replace("createServer", "createSerfer"));
    await utimes(file, atime, mtime);
    const second = await resting.find("probe");
    assert.notEqual(second?.digest, first?.digest);
    await writeFile(join(probe, "more.txt"), "");
    assert.notEqual((await resting.find("probe"))?.digest, second?.digest);
    await rm(probe, { recursive: true });
    assert.equal(await resting.find("probe"), undefined);
  }));

test("CatalogFolder: a folder that just changed is read again each time", () =>
  withCatalog(async ({ catalog }) => {
    assert.notEqual(await catalog.find("probe"), await catalog.find("probe"));
  }));

test("CatalogFolder: the same files are the same release; tests do not belong to it", () =>
  withCatalog(async ({ catalog, probe, releases }) => {
    const first = await catalog.find("probe");
    await writeFile(join(probe, "probe.test.mjs"), "throw new Error()");
    const again = await Promise.all([catalog.find("probe"), catalog.find("probe")]);
    for (const entry of again) assert.equal(entry?.digest, first?.digest);
    assert.deepEqual(await readdir(join(releases, "probe")), [first?.digest.slice("sha256:".length)]);
  }));

test("CatalogFolder: a name never leaves the folder, and what is not there is not there", () =>
  withCatalog(async ({ catalog }) => {
    for (const name of ["nothing", "..", "../catalog/probe", "probe/", "/etc", ""]) assert.equal(await catalog.find(name), undefined);
    await assert.rejects(catalog.release("probe", digestOf("none")), { code: "apply_failed" });
  }));

test("CatalogFolder: links, foreign names and definitions that compute are refused", async () => {
  await withCatalog(async ({ catalog, probe }) => {
    await symlink("/etc/passwd", join(probe, "link"));
    await assert.rejects(catalog.find("probe"), { code: "args_invalid", message: /not a plain file/ });
  });
  await withCatalog(async ({ catalog, probe }) => {
    await mkdir(join(probe, "../other"));
    await cp(join(probe, "component.ncl"), join(probe, "../other/component.ncl"));
    await assert.rejects(catalog.find("other"), { code: "args_invalid", message: /is probe, the folder is other/ });
  });
  await withCatalog(async ({ catalog, probe }) => {
    await writeFile(join(probe, "component.ncl"), "{ name = (fun x => x) }");
    await assert.rejects(catalog.find("probe"), { code: "nickel_not_declarative" });
  });
});

test("CatalogFolder: every problem of a definition is named, at its place", () =>
  withCatalog(async ({ catalog, probe }) => {
    const file = join(probe, "component.ncl");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("'Process", '"Process"').replace("max_replicas", "max_replica"));
    const failure = await catalog.find("probe").then(
      () => assert.fail("it was taken"),
      (thrown: unknown) => thrown,
    );
    assert.ok(failure instanceof TriplaneError && failure.code === "args_invalid");
    const drawn = drawProblems(problemsOf(failure));
    assert.match(drawn, /error: driver: must be an enum tag: 'Process\n +--> probe\/component\.ncl:\d+:\d+\n/);
    assert.match(
      drawn,
      /error: max_replica: is not a field that belongs here\n.*\n.*\n.*max_replica = .*\n.* \^{11}\n.*did you mean max_replicas\?/,
    );
    assert.match(drawn, /error: max_replicas: is missing/);
  }));

test("loadKinds: every file of the folder is a kind, named as the file", async () => {
  const kinds = await loadKinds();
  assert.deepEqual([...kinds.keys()], ["component.deploy", "component.remove", "component.restart", "component.scale", "desired.apply"]);
  await using home = await testHome();
  await writeFile(join(home.path, "a.b.ts"), "export const kind = { name: 'a.c' };");
  await assert.rejects(loadKinds(home.path), { code: "internal" });
});

test("CatalogFolder: a secret is a plain file of the secrets folder, and no path gets out of it", () =>
  withCatalog(async ({ catalog, secrets }) => {
    assert.equal(await catalog.hasSecret("db-password"), false);
    await mkdir(join(secrets, "folder"), { recursive: true });
    await writeFile(join(secrets, "db-password"), "x", { mode: 0o600 });
    assert.equal(await catalog.hasSecret("db-password"), true);
    for (const name of ["folder", "../secrets/db-password", "", "DB", "a/b"]) assert.equal(await catalog.hasSecret(name), false);
  }));
