import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePort, writeKeyFile } from "@triplane/kit";
import { eventually, startNats, tempDir } from "@triplane/testkit";
import { policyRepo } from "./testing/policy-repo.ts";
import { world } from "./testing/world.ts";

const WORKSPACE = "w1";
const PROGRAM = join(import.meta.dirname, "testing", "keeper-process.ts");
/** The shortest that a policy may set. */
const MAX_AGE_S = 10;

interface Health {
  readonly ok: boolean;
  readonly text: string;
}

test("keeper-daemon: follows its policy from a remote, stops when it is cut off for longer than the policy allows, and goes on with the next contact", {
  timeout: 180_000,
}, async () => {
  const made = world();
  await using folder = await tempDir("keeper-remote");
  const nats = await startNats({ workspace: WORKSPACE, identities: [] });
  let daemon: ChildProcess | undefined;
  after(() => daemon?.kill("SIGKILL"));
  try {
    const remote = await policyRepo(folder.path, [made.keys.ana, made.keys.ben, made.keys.cleo]);
    const limits = { ...made.policy.limits, max_policy_age_s: MAX_AGE_S };
    await remote.publish({ ...made.policy, limits });
    const [keyFile, seedFile] = [join(folder.path, "keeper.json"), join(folder.path, "keeper.nk")];
    await writeKeyFile(keyFile, made.keeper);
    await writeFile(seedFile, nats.keyOf({ role: "keeper" }).seed, { mode: 0o600 });
    const healthPort = await freePort();
    const options = {
      ...{ workspace: WORKSPACE, "nats-url": nats.url, "nkey-seed-file": seedFile, "key-file": keyFile },
      ...{ "policy-repo": join(folder.path, "own"), "policy-remote": remote.repoDir, "policy-fetch-ms": "300" },
      ...{ "policy-rid": remote.rid, "policy-identity-root": remote.identityRoot, "poll-ms": "200" },
      ...{ "health-port": String(healthPort), "log-level": "error" },
    };
    const argv = Object.entries(options).flatMap(([flag, value]) => [`--${flag}`, value]);
    daemon = spawn(process.execPath, [PROGRAM, ...argv], { stdio: ["ignore", "ignore", "inherit"] });
    const exited = once(daemon, "exit");
    const health = async (): Promise<Health> => {
      const response = await fetch(`http://127.0.0.1:${healthPort}/healthz`).catch(() => undefined);
      return { ok: response?.ok === true, text: (await response?.text()) ?? "" };
    };
    const until = (what: string, condition: (now: Health) => boolean) =>
      eventually(async () => condition(await health()), { timeoutMs: 40_000, what });

    await until("a healthy keeper", ({ ok }) => ok);
    const second = await remote.publish({ ...made.policy, limits, policy_version: 2 });
    await until("the new policy in force", ({ text }) => text.includes(second));

    await rename(remote.repoDir, `${remote.repoDir}.away`);
    await until("a problem with the remote", ({ text }) => text.includes("remote_failed"));
    assert.equal((await health()).ok, true, "within the bound it goes on with what it has");
    await until("no policy in force", ({ ok, text }) => !ok && text.includes("policy_stale"));
    const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
    const age = Number(/^triplane_keeper_policy_contact_age_seconds\S* (\S+)$/m.exec(metrics)?.[1]);
    // It is set at each look at the policy, a moment before.
    assert.ok(age > MAX_AGE_S - 2 && age < 60, `contact age is ${age} s`);

    await rename(`${remote.repoDir}.away`, remote.repoDir);
    await until("the policy in force again", ({ ok }) => ok);
    daemon.kill("SIGTERM");
    assert.equal((await exited)[0], 0);
  } finally {
    daemon?.kill("SIGKILL");
    await nats.close();
  }
});
