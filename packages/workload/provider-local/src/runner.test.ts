// Tests of what a runner is given and kept by: settings, files of its upper layer, names, folders. No machine is needed.
import assert from "node:assert/strict";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@triplane/testkit";
import { hostKeyOf, type ServerSpec } from "@triplane/vm-pool";
import { inTurn } from "./in-turn.ts";
import { checkedName, newRunnerId, RUNNER_ID_PATTERN } from "./names.ts";
import { upperFiles, writeUpper } from "./runner-files.ts";
import { RunnerFolders } from "./runner-folder.ts";
import { type RunnerRecord, writeRecord } from "./runner-record.ts";
import { type LocalSettings, resolveSettings, stepMemoryMib } from "./settings.ts";

const SETTINGS: LocalSettings = {
  ...{ runnersFolder: "/data/runners", goldenFolder: "/data/golden", network: "10.201.0.0/24", forward: false },
  plainHttpRegistries: ["10.201.0.1:5000"],
};
const KEY = hostKeyOf(new Uint8Array(32), "lease");
const SPEC: ServerSpec = {
  ...{ name: "lease-0123", image: "sha256-x", authorizedKey: KEY.public, hostKey: KEY, deadManAtS: 1_790_000_000 },
  offer: { type: "t", location: "local", cpus: 1, memoryMib: 1024, platform: "linux/amd64", centsPerHour: 0 },
  labels: { "managed-by": "triplane", pool: "p", lease: "lease-0123", tenant: "default", tier: "cx22", expires: "1" },
};

test("resolveSettings: tiers that fit are offered with their memory, and no more processors than there are", () => {
  const { sizes } = resolveSettings({ ...SETTINGS, memoryMib: 9000 });
  assert.deepEqual(
    sizes.map(({ type, memoryMib }) => [type, memoryMib]),
    [
      ["local-cx22", 4096],
      ["local-cx32", 8192],
    ],
  );
  for (const { cpus } of sizes) assert.ok(cpus >= 1);
});

test("resolveSettings: every problem is named", () => {
  const wrong: readonly (readonly [Partial<LocalSettings>, RegExp])[] = [
    [{ runnersFolder: "runners" }, /not an absolute path/],
    // In the options of an overlay these would begin something else.
    [{ goldenFolder: "/data,upperdir=/etc" }, /not an absolute path/],
    [{ goldenFolder: "/data:/etc" }, /not an absolute path/],
    [{ plainHttpRegistries: ['x"]\nhttp = true'] }, /registry's host:port/],
    [{ sizes: [{ type: "s", cpus: 1, memoryMib: 100 }] }, /not a size/],
    [{ network: "0.0.0.0/0" }, /range/],
  ];
  for (const [parts, message] of wrong)
    assert.throws(() => resolveSettings({ ...SETTINGS, ...parts }), { code: "config_invalid", message });
});

test("stepMemoryMib: sshd and buildkitd keep 600 MiB, a quarter where that is less", () => {
  assert.deepEqual([384, 768, 4096].map(stepMemoryMib), [288, 576, 3496]);
});

test("upperFiles: keys, limits and registries; what is not one key of one line is refused", async () => {
  const files = new Map((await upperFiles(SPEC, 1024, resolveSettings(SETTINGS))).map((file) => [file.path, file]));
  assert.equal(files.get("etc/triplane/runner.env")?.content, `DEAD_MAN_AT_S=1790000000\nSTEP_MEMORY_BYTES=${768 * 1024 * 1024}\n`);
  assert.equal(files.get("etc/ssh/ssh_host_ed25519_key")?.mode, 0o600);
  assert.match(files.get("etc/buildkit/buildkitd.toml")?.content ?? "", /\n\[registry\."10\.201\.0\.1:5000"\]\nhttp = true\n$/);
  for (const wrong of [
    { authorizedKey: `${KEY.public}\n${KEY.public}` },
    { authorizedKey: `command="x" ${KEY.public}` },
    { authorizedKey: "ssh-rsa AAAA" },
    { hostKey: { ...KEY, public: "x" } },
    { hostKey: { ...KEY, private: "x" } },
    { deadManAtS: 1.5 },
    { deadManAtS: Number.NaN },
  ]) {
    await assert.rejects(
      upperFiles({ ...SPEC, ...wrong }, 1024, resolveSettings(SETTINGS)),
      { code: "provider_failed" },
      JSON.stringify(wrong),
    );
  }
  assert.equal(files.get("etc/ssh/sshd_config"), undefined);
  const forRoot = await upperFiles(SPEC, 1024, resolveSettings({ ...SETTINGS, loginAsRoot: true }));
  const sshd = String(forRoot.find(({ path }) => path === "etc/ssh/sshd_config")?.content);
  assert.match(sshd, /^AllowUsers root$/m);
  assert.match(sshd, /^PermitRootLogin prohibit-password$/m);
  assert.match(sshd, /^PasswordAuthentication no$/m);
});

test("writeUpper: folders have the mode that they have in every root", async () => {
  await using folder = await tempDir("upper");
  await writeUpper(folder.path, await upperFiles(SPEC, 1024, resolveSettings(SETTINGS)));
  const mode = async (path: string): Promise<number> => (await stat(join(folder.path, path))).mode & 0o777;
  assert.deepEqual(await Promise.all(["", "etc", "etc/ssh", "etc/ssh/ssh_host_ed25519_key"].map(mode)), [0o755, 0o755, 0o755, 0o600]);
});

test("names: an id is as long as an interface's name may be; a runner's name leads nowhere else", () => {
  const id = newRunnerId(new Uint8Array([1, 2, 3, 4, 5, 255]));
  assert.equal(id, "tpr-0102030405f");
  assert.match(id, RUNNER_ID_PATTERN);
  assert.equal(id.length, 15);
  for (const name of ["", "..", "a/b", "-a", "A", "a".repeat(64), ".new-1", "a b", "a\n"]) {
    assert.throws(() => checkedName(name), { code: "provider_failed" }, name);
  }
});

const RECORD: RunnerRecord = {
  ...{ id: "tpr-0102030405f", name: "lease-0123", labels: SPEC.labels, memoryMib: 1024, image: "sha256-x", createdAtS: 1 },
  offer: { type: "t", location: "local" },
};

test("RunnerFolders: there by one rename and gone by one; a name is taken once; what dead processes left is swept", async () => {
  await using place = await tempDir("runners");
  const folders = new RunnerFolders(join(place.path, "runners"));
  assert.deepEqual(await folders.all(), []);
  const [one, other] = [await folders.begin(), await folders.begin()];
  for (const folder of [one, other]) await writeRecord(folder, RECORD);
  assert.deepEqual([await folders.commit(one, "lease-0123"), await folders.commit(other, "lease-0123")], [true, false]);
  assert.deepEqual(
    (await folders.all()).map(({ record }) => record),
    [RECORD],
  );
  // No process has a number beyond the kernel's largest.
  for (const name of [".new-99999999-aa", ".trash-aa"]) await mkdir(join(folders.folder, name));
  await folders.sweep();
  assert.deepEqual((await readdir(folders.folder)).sort(), [other.split("/").at(-1), "lease-0123"].sort());
  for (let time = 0; time < 2; time += 1) await folders.remove("lease-0123");
  assert.equal(await folders.get("lease-0123"), undefined);
});

test("RunnerFolders: a record that cannot be read is told, never left out of a list", async () => {
  await using place = await tempDir("runners");
  const folders = new RunnerFolders(place.path);
  await mkdir(folders.of("lease-1"));
  await writeFile(join(folders.of("lease-1"), "runner.json"), "{}");
  await assert.rejects(folders.all());
});

test("inTurn: one after the other for a key, also after a failure; other keys do not wait", async () => {
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const work = [
    inTurn("a", async () => {
      await first.promise;
      order.push("a1");
      throw new Error("fails");
    }).catch(() => undefined),
    inTurn("a", async () => void order.push("a2")),
    inTurn("b", async () => void order.push("b")),
  ];
  await work[2];
  first.resolve();
  await Promise.all(work);
  assert.deepEqual(order, ["b", "a1", "a2"]);
});
