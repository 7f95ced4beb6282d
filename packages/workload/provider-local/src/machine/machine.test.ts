// Tests of what is read of the machine: mounted cgroups, capabilities, ranges of addresses; and of the cgroups of a runner on a tree of files.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@triplane/testkit";
import { addressRange } from "./addresses.ts";
import { capabilitiesOf, runnerCapabilities } from "./capabilities.ts";
import { RunnerCgroups } from "./cgroup.ts";
import { containerConfig } from "./container.ts";
import { exec } from "./exec.ts";
import { type Hierarchies, hierarchiesOf } from "./hierarchy.ts";

const UNIFIED = "25 30 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const SEPARATE = `34 32 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
35 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
36 32 0:31 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
37 32 0:32 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
38 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
`;

test("hierarchiesOf: one hierarchy, separate ones beside an empty unified one, none", () => {
  const second = hierarchiesOf(UNIFIED);
  assert.deepEqual([second.version, second.controllers.get("memory"), second.mountPoints], [2, "/sys/fs/cgroup", ["/sys/fs/cgroup"]]);
  const first = hierarchiesOf(SEPARATE);
  assert.deepEqual(
    [first.version, first.controllers.get("memory"), first.controllers.get("cpu"), first.controllers.get("pids")],
    [...[1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct", undefined]],
  );
  assert.deepEqual(
    first.mountPoints.map((path) => path.slice("/sys/fs/cgroup/".length)),
    ["memory", "cpu,cpuacct", "systemd", "unified"],
  );
  assert.throws(() => hierarchiesOf("38 1 254:0 / / rw - ext4 /dev/vda rw\n"), { code: "provider_failed" });
});

test("RunnerCgroups: version 2 has its limits on the outer cgroup and no swap", async () => {
  await using folder = await tempDir("cgroup");
  const at: Hierarchies = {
    version: 2,
    controllers: new Map(["memory", "pids", "cpu"].map((name) => [name, folder.path])),
    mountPoints: [folder.path],
  };
  const cgroups = new RunnerCgroups(at);
  await cgroups.make("tpr-0123456789a", { memoryMib: 4096, cpus: 1.5, processes: 100 });
  const outer = join(folder.path, "tpr-0123456789a");
  const read = (name: string): Promise<string> => readFile(join(outer, name), "utf8");
  assert.deepEqual(await Promise.all(["memory.max", "memory.swap.max", "pids.max", "cpu.max", "cgroup.subtree_control"].map(read)), [
    "4294967296",
    "0",
    "100",
    "150000 100000",
    "+memory +pids +cpu",
  ]);
  assert.equal(cgroups.fence("tpr-0123456789a"), join(outer, "setup/cgroup.procs"));
  await mkdir(join(outer, "runner"));
  await writeFile(join(outer, "runner/cgroup.procs"), "4242\n4243\n");
  assert.deepEqual(await cgroups.runnerProcesses("tpr-0123456789a"), [4242, 4243]);
  assert.deepEqual(await cgroups.runnerProcesses("tpr-00000000000"), []);
});

test("RunnerCgroups: removing what is not there is done", async () => {
  await using folder = await tempDir("cgroup");
  const cgroups = new RunnerCgroups({ version: 2, controllers: new Map([["memory", folder.path]]), mountPoints: [folder.path] });
  await cgroups.remove("tpr-0123456789a");
  assert.deepEqual(await readdir(folder.path), []);
});

test("capabilitiesOf: a runner's root gets what this process has, never the network's", () => {
  const all = runnerCapabilities(capabilitiesOf("CapEff:\t000001ffffffffff\n"));
  assert.ok(all.includes("CAP_SYS_ADMIN") && all.includes("CAP_SYS_RESOURCE"));
  for (const name of ["CAP_NET_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_TIME", "CAP_SYS_RAWIO", "CAP_SYS_BOOT", "CAP_SYSLOG", "CAP_BPF"]) {
    assert.ok(!all.includes(name), name);
  }
  const fewer = runnerCapabilities(capabilitiesOf("CapEff:\t000001fffeffffff\n"));
  assert.deepEqual(
    all.filter((name) => !fewer.includes(name)),
    ["CAP_SYS_RESOURCE"],
  );
  assert.deepEqual(runnerCapabilities(capabilitiesOf("")), []);
});

test("addressRange: the machine first, then runners; only private ranges that begin where they should", () => {
  const range = addressRange("10.201.4.0/24");
  assert.deepEqual([range.gateway, range.size, range.at(0), range.at(252)], ["10.201.4.1", 253, "10.201.4.2", "10.201.4.254"]);
  assert.equal(addressRange("172.16.0.0/16").at(300), "172.16.1.46");
  assert.equal(addressRange("192.168.255.248/29").size, 5);
  for (const text of [
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10.0.0.1/24",
    "8.8.8.0/24",
    "172.32.0.0/16",
    "10.0.0.256/24",
    "10.0.0.0",
    "fd00::/64",
    "10.0.0.0/24 x",
  ]) {
    assert.throws(() => addressRange(text), { code: "config_invalid" }, text);
  }
});

test("containerConfig: every namespace is its own, and no device of the machine is there", () => {
  const config = containerConfig({
    hostName: "lease-1",
    cgroup: "/tpr-1/runner",
    buildkitFolder: "/data/b",
    capabilities: ["CAP_SYS_ADMIN"],
  });
  assert.deepEqual(
    config.linux.namespaces.map(({ type }) => type),
    ["pid", "network", "ipc", "uts", "mount", "cgroup"],
  );
  assert.deepEqual(config.linux.resources.devices, [{ allow: false, access: "rwm" }]);
  assert.deepEqual(
    config.mounts.filter(({ options }) => options.includes("bind")).map(({ source }) => source),
    ["/data/b"],
  );
});

test("exec: what it printed; why it failed in one line; a program that is not there; a deadline", async () => {
  assert.equal(await exec("/bin/echo", ["a b", "$HOME"]), "a b $HOME\n");
  await assert.rejects(exec("/bin/ls", ["/no/such"]), { code: "provider_failed", message: /^\/bin\/ls: .*No such file/ });
  await assert.rejects(exec("no-such-program", []), { code: "provider_failed", message: /ENOENT/ });
  await assert.rejects(exec("/bin/sleep", ["60"], { deadlineMs: 50 }), { message: /took too long/ });
});
