// A real runner on this machine, as a launcher meets it: ssh with a pinned key, rsync, buildctl, a build that runs out of memory; and what it cannot reach.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { goldenForTests, hostKeyFor, leftovers, run, type TestRunners, testRunners, whyNoRunners } from "@triplane/provider-local/testing";
import { eventually } from "@triplane/testkit";
import type { Server } from "@triplane/vm-pool";

const NEVER = new AbortController().signal;
const skip = (await whyNoRunners()) ?? false;
const MEMORY_MIB = 768;

describe("a runner on this machine", { skip }, () => {
  let runners: TestRunners;
  let server: Server;
  before(async () => {
    runners = await testRunners([{ type: "small", cpus: 2, memoryMib: MEMORY_MIB }]);
    server = await runners.provider.create(await runners.spec(1), NEVER);
    await eventually(async () => (await runners.ssh(server, "buildctl debug workers")).exitCode === 0, {
      timeoutMs: 30_000,
      what: "buildkitd",
    });
  });
  after(() => runners[Symbol.asyncDispose]());
  const ssh = async (command: string): Promise<string> => {
    const result = await runners.ssh(server, command);
    assert.equal(result.exitCode, 0, result.stderr + result.stdout);
    return result.stdout.trim();
  };

  it("ssh: logs in as the user of the runner with the key that was given, and with no other", async () => {
    assert.match(await ssh("id"), /^uid=1000\(runner\) gid=1000\(runner\) groups=1000\(runner\)$/);
    const other = join(runners.folder, "other");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", other]);
    const refused = await runners.ssh(server, "id", { key: other });
    assert.equal(refused.exitCode, 255);
    assert.match(refused.stderr, /Permission denied \(publickey\)/);
  });

  it("ssh: another host key than the pinned one ends the connection before a login", async () => {
    const refused = await runners.ssh(server, "id", { hostKey: hostKeyFor("somebody-else").public });
    assert.equal(refused.exitCode, 255);
    assert.match(refused.stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/);
    assert.equal(refused.stdout, "");
  });

  it("isolation: its own processes, name, interfaces and mounts; the machine's are out of sight", async () => {
    assert.equal(await ssh("hostname"), server.name);
    assert.notEqual(await ssh("hostname"), hostname());
    assert.match(await ssh("cat /proc/1/cmdline"), /runner-init/);
    const processes = (await ssh("ls /proc")).split("\n").filter((name) => /^\d+$/.test(name));
    assert.ok(processes.length < 30, `${processes.length} processes`);
    const interfaces = [...(await ssh("cat /proc/net/dev")).matchAll(/^\s*(\S+):/gm)].map((match) => match[1]);
    assert.deepEqual(interfaces.sort(), ["eth0", "lo"]);
    assert.equal((await runners.ssh(server, `ls ${process.cwd()}/package.json`)).exitCode, 2);
    const mounts = await ssh("cut -d ' ' -f 2 /proc/mounts");
    assert.ok(!mounts.includes("/home") && mounts.split("\n")[0] === "/", mounts);
    // What it writes is not in the golden root.
    await ssh("echo x > /tmp/mark");
    const golden = await goldenForTests();
    await assert.rejects(readFile(join(golden.folder, golden.record.digest, "root/tmp/mark")), { code: "ENOENT" });
  });

  it("isolation: the user cannot become root, mount, or signal what is not its own", async () => {
    for (const command of [
      "mount -t tmpfs none /mnt",
      "kill -9 1",
      "unshare --mount true",
      "cat /etc/ssh/ssh_host_ed25519_key",
      "echo +x > /etc/triplane/authorized_keys",
    ]) {
      assert.notEqual((await runners.ssh(server, command)).exitCode, 0, command);
    }
    assert.equal(await ssh("cat /proc/self/status | grep CapEff"), "CapEff:\t0000000000000000");
  });

  it("network: it reaches this machine at the gateway's address, and nothing is forwarded", async () => {
    await using listener = await httpServer();
    assert.equal(await ssh(`busybox wget -q -O - http://gateway:${listener.port}/`), "this machine");
    assert.equal((await readFile(`/proc/sys/net/ipv4/conf/${server.id}/forwarding`, "utf8")).trim(), "0");
    assert.notEqual((await runners.ssh(server, "busybox wget -q -T 2 -O - http://198.51.100.7/")).exitCode, 0);
  });

  it("memory: the limit is on a cgroup that the runner cannot see", async () => {
    const v1 = `/sys/fs/cgroup/memory/${server.id}/memory.limit_in_bytes`;
    const v2 = `/sys/fs/cgroup/${server.id}/memory.max`;
    const limit = await readFile(v1, "utf8").catch(() => readFile(v2, "utf8"));
    assert.equal(Number(limit), MEMORY_MIB * 1024 * 1024);
    assert.equal(await ssh("cut -d : -f 3 /proc/1/cgroup | sort -u | grep -v '^/$' | grep -v '^/daemons$' || true"), "");
  });

  it("buildctl over ssh: COPY and RUN of a static busybox, with a context that rsync brought", async () => {
    const context = join(runners.folder, "context");
    await mkdir(context);
    const golden = await goldenForTests();
    await writeFile(join(context, "busybox"), await readFile(join(golden.folder, golden.record.digest, "root/usr/bin/busybox")), {
      mode: 0o755,
    });
    await writeFile(
      join(context, "Dockerfile"),
      'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "/bin/busybox echo built-in-$(/bin/busybox id -u) > /out"]\n',
    );
    await writeFile(
      join(context, "oom.Dockerfile"),
      'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=1500M", "count=1"]\n',
    );
    // A child of the step is killed and the step goes on to exit with 1: no text says memory then.
    await writeFile(
      join(context, "child.Dockerfile"),
      'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "/bin/busybox dd if=/dev/zero of=/dev/null bs=1501M count=1 || exit 1"]\n',
    );
    const shell = ["ssh", ...(await runners.sshOptions(server))].join(" ");
    const { host = "", user = "" } = server.address ?? {};
    const copied = await run("rsync", ["--archive", "-e", shell, `${context}/`, `${user}@${host}:context/`]);
    assert.equal(copied.exitCode, 0, copied.stderr);
    await ssh(`${BUILD} --output type=local,dest=out`);
    assert.equal(await ssh("cat out/out"), "built-in-0");
    assert.equal(JSON.parse(await ssh("runner-stats")).oom_kills, 0);
  });

  it("out of memory: the kernel kills the step and counts it; sshd and buildkitd live, and the next build works", async () => {
    const pids = async (): Promise<string> => await ssh("pgrep -x buildkitd; pgrep -o -x sshd");
    const before_ = await pids();
    const killed = await runners.ssh(server, `${BUILD} --opt filename=oom.Dockerfile`);
    assert.equal(killed.exitCode, 1);
    const once = JSON.parse(await ssh("runner-stats"));
    assert.ok(once.oom_kills >= 1, JSON.stringify(once));
    assert.ok(once.peak_memory_mib >= 500 && once.peak_memory_mib <= MEMORY_MIB, JSON.stringify(once));
    const child = await runners.ssh(server, `${BUILD} --opt filename=child.Dockerfile`);
    assert.match(child.stderr, /exit code: 1$/m);
    assert.ok(JSON.parse(await ssh("runner-stats")).oom_kills > once.oom_kills);
    assert.equal(await pids(), before_);
    await ssh(`${BUILD} --no-cache --output type=local,dest=again`);
  });

  it("destroy: leaves no process, mount, interface, cgroup or file", async () => {
    assert.ok((await leftovers(server.id, runners.settings.runnersFolder)).length > 5);
    await runners.provider.destroy(server.id, NEVER);
    assert.deepEqual(await settled(server.id, runners), []);
    await runners.provider.destroy(server.id, NEVER);
  });

  it("dead man: a runner ends itself when its time is over, and is listed as stopped", async () => {
    const made = await runners.provider.create(await runners.spec(2, { deadManAtS: Math.floor(Date.now() / 1000) + 4 }), NEVER);
    assert.equal(made.state, "running");
    await eventually(async () => (await runners.provider.find(made.name, NEVER))?.state === "stopped", {
      timeoutMs: 20_000,
      what: "its end",
    });
    await runners.provider.destroy(made.id, NEVER);
    assert.deepEqual(await settled(made.id, runners), []);
  });

  it("ten at once: each has an address of its own and answers; none is left behind", async () => {
    const specs = await Promise.all(Array.from({ length: 10 }, (_, index) => runners.spec(100 + index)));
    const made = await Promise.all(specs.map((spec) => runners.provider.create(spec, NEVER)));
    assert.equal(new Set(made.map(({ address }) => address?.host)).size, 10);
    for (const each of made) {
      const answer = await eventually(async () => {
        const { exitCode, stdout } = await runners.ssh(each, "hostname");
        return exitCode === 0 ? stdout.trim() : undefined;
      });
      assert.equal(answer, each.name);
    }
    assert.equal((await runners.provider.list("pool-a", NEVER)).length, 10);
    // Runners do not reach each other: nothing is forwarded between them.
    const [one, other] = made;
    assert.ok(one !== undefined && other !== undefined);
    assert.notEqual((await runners.ssh(one, `busybox nc -w 2 ${other.address?.host} 22 < /dev/null`)).exitCode, 0);
    await Promise.all(made.map(({ id }) => runners.provider.destroy(id, NEVER)));
    for (const { id } of made) assert.deepEqual(await settled(id, runners), []);
  });
});

const BUILD = "buildctl build --progress=plain --frontend dockerfile.v0 --local context=context --local dockerfile=context";

/** A namespace goes a moment after its last process, and a dead process waits to be collected. */
async function settled(id: string, runners: TestRunners): Promise<readonly string[]> {
  const look = (): Promise<readonly string[]> => leftovers(id, runners.settings.runnersFolder);
  await eventually(async () => (await look()).length === 0, { timeoutMs: 5000 }).catch(() => undefined);
  return await look();
}

async function httpServer() {
  const server = createServer((_, response) => void response.end("this machine"));
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
