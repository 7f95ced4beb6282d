// ssh and rsync against a real sshd of this test's own on loopback. Where it is not installed, the tests say so.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { eventually, rejects, tempDir } from "@triplane/testkit";
import { ignorePatterns, ignoreRules } from "../context/ignore-rules.ts";
import { walkContext } from "../context/walk.ts";
import { knownHostsLine, remote, type SshTarget, sendFiles, shellWord } from "./ssh.ts";

const SSHD = "/usr/sbin/sshd";
const PROGRAMS = [SSHD, "/usr/bin/ssh", "/usr/bin/rsync", "/usr/bin/ssh-keygen"];

interface Runner extends AsyncDisposable {
  readonly target: SshTarget;
  readonly folder: string;
  readonly otherKey: string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function startRunner(context: TestContext): Promise<Runner | undefined> {
  const missing = PROGRAMS.filter((path) => !existsSync(path));
  if (missing.length > 0) {
    assert.notEqual(process.env["TRIPLANE_REQUIRE_ALL"], "1", `${missing.join(", ")} missing: apt install openssh-server rsync`);
    context.skip(`SSH TO A RUNNER IS NOT TESTED: ${missing.join(", ")} missing (apt install openssh-server rsync)`);
    return undefined;
  }
  const folder = await tempDir("r");
  const at = (name: string): string => join(folder.path, name);
  for (const name of ["host", "user", "other"])
    await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", at(name)]);
  const publicOf = async (name: string): Promise<string> => (await readFile(at(`${name}.pub`), "utf8")).trim();
  await writeFile(at("authorized"), `${await publicOf("user")}\n`, { mode: 0o600 });
  const port = await freePort();
  const settings = [`HostKey ${at("host")}`, `AuthorizedKeysFile ${at("authorized")}`, "StrictModes no", "UsePAM no", "PidFile none"];
  await writeFile(at("config"), [`ListenAddress 127.0.0.1:${port}`, "PermitRootLogin prohibit-password", ...settings, ""].join("\n"));
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
  const child = spawn(SSHD, ["-D", "-e", "-f", at("config")], { stdio: "ignore" });
  await eventually(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(socket.end() !== undefined));
        socket.once("error", () => resolve(false));
      }),
  );
  const hostKey = await publicOf("host");
  const target: SshTarget = {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    hostKey,
    keyFile: at("user"),
    knownHostsFile: at("known"),
    controlPath: at("c"),
  };
  await writeFile(target.knownHostsFile, knownHostsLine(target));
  return {
    target,
    folder: folder.path,
    otherKey: await publicOf("other"),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await promisify(execFile)("ssh", ["-F", "none", "-o", `ControlPath=${target.controlPath}`, "-O", "exit", "x"]).catch(() => undefined);
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("remote: words arrive as they are, standard input too, and an exit code is the command's", async (context) => {
  await using runner = await startRunner(context);
  if (runner === undefined) return;
  const words = ["a b", "$HOME", "'", '"', "`id`", "\n", "*", "", "é", "-n", ";exit 9"];
  const { stdout } = await remote(runner.target, ["printf", "%s|", ...words]);
  assert.equal(stdout, words.map((word) => `${word}|`).join(""));
  assert.equal((await remote(runner.target, ["cat"], { input: "secret" })).stdout, "secret");
  assert.equal((await remote(runner.target, ["sh", "-c", "exit 3"])).exitCode, 3);
});

test("remote: another host key is refused, and so is a runner that is not there", async (context) => {
  await using runner = await startRunner(context);
  if (runner === undefined) return;
  await writeFile(runner.target.knownHostsFile, knownHostsLine({ ...runner.target, hostKey: runner.otherKey }));
  await rejects(remote(runner.target, ["true"]), "runner_host_key");
  await writeFile(runner.target.knownHostsFile, "");
  await rejects(remote(runner.target, ["true"]), "runner_host_key");
  await rejects(remote({ ...runner.target, port: await freePort() }, ["true"]), "runner_unreachable");
});

test("sendFiles: sends what the ignore file leaves, links as links, names with anything in them", async (context) => {
  await using runner = await startRunner(context);
  if (runner === undefined) return;
  const from = join(runner.folder, "con text");
  const to = join(runner.folder, "to");
  await mkdir(join(from, "sub/empty"), { recursive: true });
  await mkdir(to);
  for (const name of ["a b", "-n", "sub/x\ny", "sub/left"]) await writeFile(join(from, name), name);
  await symlink("/etc", join(from, "link"));
  async function* paths(): AsyncGenerator<Uint8Array> {
    for await (const { path } of walkContext(from, ignoreRules(ignorePatterns("sub/left")))) yield Buffer.concat([path, Buffer.from([0])]);
  }
  await sendFiles(runner.target, from, to, paths());
  const arrived = await Array.fromAsync(walkContext(to, ignoreRules([])));
  assert.deepEqual(
    arrived.map(({ path }) => path.toString("utf8")),
    ["-n", "a b", "link", "sub", "sub/empty", "sub/x\ny"],
  );
  assert.equal(await readlink(join(to, "link")), "/etc");
  await rejects(
    sendFiles({ ...runner.target, port: await freePort(), controlPath: join(runner.folder, "d") }, from, to, paths()),
    "runner_unreachable",
  );
});

test("shellWord: refuses what no argument can hold", () => {
  assert.throws(() => shellWord("a\0b"), { code: "usage" });
  assert.equal(shellWord("it's"), "'it'\\''s'");
});
