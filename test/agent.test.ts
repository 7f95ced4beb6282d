// Governing with a key that no file holds: an ssh-agent signs proposals, approvals, signed refs and commits.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@triplane/testkit";
import { installation } from "./e2e/installation.ts";
import { run } from "./e2e/program.ts";

const hasAgent = ["ssh-agent", "ssh-add", "ssh-keygen"].every((program) => spawnSync(program, ["-?"]).error === undefined);
const skip = hasAgent ? {} : { skip: "OpenSSH's client is not installed: governing with an ssh-agent was NOT tested" };

test("governance: a workspace is founded, proposed to and approved in by a key that exists in an ssh-agent only", {
  timeout: 800_000,
  ...skip,
}, async () => {
  await using installed = await installation("agent");
  const { folder: cwd } = installed;
  const socket = join(cwd, "agent.sock");
  const env = { ...installed.env, SSH_AUTH_SOCK: socket };
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  try {
    const file = join(cwd, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "ana@laptop", "-f", file]);
    await eventually(async () => spawnSync("ssh-add", ["-q", file], { env }).status === 0, { what: "the agent", timeoutMs: 20_000 });
    await rm(file);
    const triplane = async (...args: readonly string[]) => {
      const ran = await run(installed.program("triplane"), args, { cwd, env });
      assert.equal(ran.code, 0, ran.err);
      return ran.out.trim();
    };
    const founding = ["--workspace", "acme", "--name", "ana", "--single-operator", "--home", "ana"];
    await triplane("governance", "init", ...founding, "--key", "agent:ana@laptop");
    assert.deepEqual((await readdir(join(cwd, "ana/keys"))).sort(), ["controller.json", "keeper.json"]);
    await triplane("governance", "checkout", "policy", "./policy", "--home", "ana");
    const proposing = ["governance", "propose", "policy", "./policy", "--home", "ana", "--quiet"];
    const [id = "", words = ""] = (await triplane(...proposing)).split(" ");
    assert.match(await triplane("governance", "approve", id, "--words", words, "--home", "ana"), /it is the approved policy now/);
    execFileSync("ssh-add", ["-q", "-D"], { env, stdio: "ignore" });
    const without = await run(installed.program("triplane"), ["governance", "reject", id, "--home", "ana", "--json"], { cwd, env });
    assert.equal(without.code, 1);
    assert.match(without.err, /"key_unknown"/);
  } finally {
    agent.kill();
  }
});
