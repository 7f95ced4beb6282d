// The whole Hetzner path on this machine: hcloud-sim with a real runner behind each server. Golden image by the CLI, servers by the provider; faults on; real logins, real builds.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { sshShell } from "@triplane/golden";
import type { FaultInput } from "@triplane/hcloud-sim";
import { freePort, openOpensshKey, opensshPublicKey, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { hcloudProvider } from "@triplane/provider-hcloud";
import { goldenForTests, leftovers, whyNoRunners } from "@triplane/provider-local/testing";
import { eventually, type TempDir, tempDir } from "@triplane/testkit";
import { CURRENT_GOLDEN, type Offer, type Server, type ServerSpec } from "@triplane/vm-pool";
import { ROOT } from "../e2e/installation.ts";
import { run } from "../e2e/program.ts";

const NEVER = new AbortController().signal;
const skip = (await whyNoRunners()) ?? false;
const TOKEN = "token-of-the-project";
const BACKER = join(ROOT, "packages/workload/provider-local/src/backer.ts");
const SIMULATOR = join(ROOT, "packages/hcloud-sim/bin/hcloud-sim.mjs");
const PROGRAM = join(ROOT, "packages/cli/src/main.ts");
const OFFER: Offer = { type: "cx23", location: "fsn1", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1 };

describe("hcloud with a real runner behind each server", { skip, timeout: 800_000 }, () => {
  let folder: TempDir;
  let simulator: ChildProcess;
  let endpoint: string;
  let runners: string;
  let log = "";
  before(async () => {
    folder = await tempDir("hcloud-build");
    runners = join(folder.path, "runners");
    const golden = await goldenForTests();
    const port = await freePort();
    endpoint = `http://127.0.0.1:${port}/v1`;
    const env = {
      ...process.env,
      ...{ HCLOUD_SIM_TOKEN: TOKEN, TRIPLANE_BACKER_RUNNERS_DIR: runners, TRIPLANE_BACKER_GOLDEN_DIR: golden.folder },
      ...{ TRIPLANE_BACKER_NETWORK: "10.203.9.0/28", TRIPLANE_BACKER_SCALE: "4" },
    };
    const options = ["--port", String(port), "--speed", "200", "--backer", BACKER, "--log-level", "warn"];
    simulator = spawn(process.execPath, [SIMULATOR, ...options], { stdio: ["ignore", "pipe", "pipe"], env });
    for (const stream of [simulator.stdout, simulator.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        log += text;
      });
    await eventually(async () => (await ask("/locations")).ok, { timeoutMs: 60_000, what: "the simulator" });
  });
  after(async () => {
    if (simulator.exitCode === null) {
      const ended = once(simulator, "exit");
      simulator.kill("SIGTERM");
      await ended;
    }
    await folder[Symbol.asyncDispose]();
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${endpoint}${path}`, { ...init, headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" } });
  const script = async (...faults: readonly FaultInput[]): Promise<void> => {
    const answer = await fetch(endpoint.replace(/v1$/, "_sim/faults"), {
      ...{ method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body: JSON.stringify(faults) },
    });
    assert.equal(answer.status, 201, await answer.text());
  };
  /** Faults that have not been met; what is sold out stays so. */
  const unmet = async (): Promise<readonly unknown[]> => {
    const answer = await fetch(endpoint.replace(/v1$/, "_sim/faults"), { headers: { authorization: `Bearer ${TOKEN}` } });
    return ((await answer.json()) as { faults: readonly { do: string }[] }).faults.filter((fault) => fault.do !== "unavailable");
  };
  const forget = () => fetch(endpoint.replace(/v1$/, "_sim/faults"), { method: "DELETE", headers: { authorization: `Bearer ${TOKEN}` } });
  const names = async (): Promise<string[]> =>
    ((await (await ask("/servers")).json()) as { servers: { name: string }[] }).servers.map(({ name }) => name);
  const nothingRuns = async (): Promise<void> => {
    await eventually(async () => (await readdir(runners)).length === 0, { timeoutMs: 60_000, what: "the end of the runners" });
    assert.deepEqual(await names(), []);
  };
  const provider = () =>
    hcloudProvider({
      ...{ token: TOKEN, endpoint, clock: systemClock, random: systemRandom, logger: silentLogger },
      ...{ retryBaseMs: 20, pollMs: 50, actionDeadlineMs: 120_000 },
    });
  const specFor = async (name: string, more: Partial<ServerSpec> = {}) => {
    const [login, host] = [generateSigningKey(), generateSigningKey()];
    const [image] = await provider().images(CURRENT_GOLDEN, NEVER);
    assert.ok(image !== undefined);
    const deadManAtS = Math.floor(Date.now() / 1000) + 600;
    const hostKey = { private: openOpensshKey(host, name), public: opensshPublicKey(host.publicKey) };
    const labels = { "managed-by": "triplane", pool: "main", lease: name, tenant: "default", tier: "cx22", expires: "1999999999" } as const;
    const spec: ServerSpec = {
      ...{ name, labels, offer: OFFER, image: image.id, authorizedKey: opensshPublicKey(login.publicKey), hostKey, deadManAtS },
      ...more,
    };
    return { spec, key: openOpensshKey(login, "test") };
  };
  const booted = async (server: Server, key: string, hostKey: string) => {
    const address = server.address;
    assert.ok(address !== undefined);
    const login = { address, key, hostKey };
    await eventually(async () => (await sshShell(login, "buildctl debug workers", NEVER)).exitCode === 0, {
      timeoutMs: 120_000,
      what: "buildkitd",
    });
    return login;
  };

  it("golden build --provider hcloud: sold out, 429, a lost answer, deletions that fail; a canary that really builds; nothing is left", async () => {
    await script(
      { do: "unavailable", when: { server_type: "cx23", location: "fsn1" } },
      { do: "cut", point: "after", when: { method: "POST", path: "/servers", name: "golden-*" } },
      { do: "cut", point: "after", when: { method: "POST", path: "/servers", name: "canary-*" } },
      { do: "error", code: "rate_limit_exceeded", when: { method: "GET", path: "/servers" }, times: 2 },
      { do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 2 },
    );
    const env = { ...process.env, HCLOUD_TOKEN: TOKEN, HCLOUD_ENDPOINT: endpoint, XDG_DATA_HOME: join(folder.path, "data") };
    const recipe = ["--buildkit-url", "https://mirror.example/buildkit.tar.gz", "--buildkit-sha256", "ab".repeat(32)];
    const golden = (...args: readonly string[]) =>
      run(process.execPath, [PROGRAM, "golden", ...args, "--provider", "hcloud", "--json"], { cwd: folder.path, env, timeoutMs: 600_000 });
    const built = await golden("build", ...recipe);
    assert.equal(built.code, 0, `${built.err}\n${log}`);
    const { promoted, packages, contents } = JSON.parse(built.out);
    assert.ok(promoted && packages > 50 && contents.file.startsWith(folder.path), built.out);
    assert.match(built.err, /built and ran, buildctl github\.com\/moby\/buildkit v\d/);
    assert.deepEqual(await unmet(), []);
    await forget();
    const status = await golden("status");
    assert.deepEqual([status.code, JSON.parse(status.out).verdict], [0, "fresh"]);
    await nothingRuns();
  });

  it("a server of the pool: real login with the pinned host key, a build in it; another host key is refused; gone with its deletion", async () => {
    const { spec, key } = await specFor("lease-1");
    await script({ do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 2 });
    const made = await provider().create(spec, NEVER);
    const login = await booted(made, key, spec.hostKey.public);
    assert.equal((await sshShell(login, "id -un; hostname", NEVER)).stdout, `root\n${spec.name}\n`);
    const stranger = opensshPublicKey(generateSigningKey().publicKey);
    await assert.rejects(sshShell({ ...login, hostKey: stranger }, "true", NEVER), { code: "runner_host_key" });
    await assert.rejects(sshShell({ ...login, key: openOpensshKey(generateSigningKey(), "x") }, "true", NEVER), {
      code: "runner_unreachable",
    });
    const build = await sshShell(login, BUILD, NEVER);
    assert.equal(build.exitCode, 0, build.stderr);
    assert.equal(build.stdout, "built-in-a-step\n");
    const [runner] = (await readdir(runners)).filter((name) => name === spec.name);
    assert.equal(runner, spec.name);
    await eventually(async () => {
      await provider().destroy(made.id, NEVER);
      return true;
    });
    await nothingRuns();
    await forget();
  });

  it("dead man: a server whose time is over switches itself off, and is listed as stopped", async () => {
    const { spec } = await specFor("lease-2", { deadManAtS: Math.floor(Date.now() / 1000) + 30 });
    const made = await provider().create(spec, NEVER);
    await eventually(
      async () => ((await (await ask(`/servers/${made.id}`)).json()) as { server: { status: string } }).server.status === "off",
      {
        timeoutMs: 120_000,
        what: "its end",
      },
    );
    await provider().destroy(made.id, NEVER);
    await nothingRuns();
  });

  it("the simulator ends: no runner of it is left on the machine", async () => {
    const { spec } = await specFor("lease-3");
    await provider().create(spec, NEVER);
    const ids = (await readdir("/sys/class/net")).filter((name) => name.startsWith("tpr-"));
    const ended = once(simulator, "exit");
    simulator.kill("SIGTERM");
    await ended;
    assert.deepEqual(await readdir(runners), []);
    const left = (await Promise.all(ids.map((id) => leftovers(id, runners)))).flat().filter((each) => each.includes(runners));
    assert.deepEqual(left, []);
  });
});

const BUILD = `set -eu
cd "$(mktemp -d)"
mkdir context
cp "$(command -v busybox)" context/busybox
cat > context/Dockerfile << 'END'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "echo built-in-a-step > /out"]
END
buildctl build --progress plain --frontend dockerfile.v0 --local context=context --local dockerfile=context --output type=local,dest=out < /dev/null
cat out/out
`;
