// Signing by an ssh-agent: a real one, and agents that answer what they should not.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateSigningKey, verifySignature } from "@triplane/contract";
import { writeLockedKeyFile } from "./key-file.ts";
import { agentKeys, agentSigner } from "./ssh-agent.ts";
import { sshPublicKey, wireString, wireUint32 } from "./ssh-wire.ts";

const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const hasAgent = ["ssh-agent", "ssh-add", "ssh-keygen"].every((program) => spawnSync(program, ["-?"]).error === undefined);
const withAgent = hasAgent ? {} : { skip: "OpenSSH's client is not installed: signing by a real ssh-agent was NOT tested" };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-agent-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("agentSigner: a key that exists in the agent only signs, and the file is gone", withAgent, async () => {
  const socket = join(folder, "real.sock");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  try {
    await waitFor(() => agentKeys(socket));
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    const key = generateSigningKey();
    const file = join(folder, "ana");
    const passphrase = "four words nobody said";
    await writeLockedKeyFile(file, key, { passphrase, comment: "ana's key", random });
    execFileSync("ssh-keygen", ["-p", "-P", passphrase, "-N", "", "-f", file], { stdio: "ignore" });
    execFileSync("ssh-add", ["-q", file], { env });
    await rm(file);
    execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", join(folder, "ecdsa")]);
    execFileSync("ssh-add", ["-q", join(folder, "ecdsa")], { env, stdio: "ignore" });
    assert.deepEqual(
      (await agentKeys(socket)).map(({ did, comment }) => [did, comment]),
      [[key.did, "ana's key"]],
    );
    const message = Buffer.from("exactly these bytes");
    for (const which of [key.did, "ana's key"]) {
      const signer = await agentSigner(socket, which);
      assert.equal(signer.did, key.did);
      assert.ok(!("seed" in signer));
      verifySignature(key.did, message, await signer.sign(message));
    }
    const signer = await agentSigner(socket, key.did);
    await assert.rejects(agentSigner(socket, "ben"), { code: "key_unknown", hint: /ana's key/ });
    execFileSync("ssh-add", ["-q", "-D"], { env, stdio: "ignore" });
    await assert.rejects(async () => signer.sign(message), { code: "agent_refused", message: /said no/ });
  } finally {
    agent.kill();
  }
  await assert.rejects(
    waitFor(() => agentKeys(socket), 1),
    { code: "agent_unavailable" },
  );
  await assert.rejects(agentKeys(undefined), { code: "agent_unavailable" });
});

test("agentSigner: an agent that lies, floods or rambles is refused", async () => {
  const key = generateSigningKey();
  const identities = (...keys: readonly Buffer[]) =>
    Buffer.concat([Buffer.of(12), wireUint32(keys.length), ...keys.flatMap((blob) => [wireString(blob), wireString("k")])]);
  const mine = sshPublicKey(key.publicKey);
  const signature = (bytes: Uint8Array, kind = "ssh-ed25519") =>
    wireString(Buffer.concat([Buffer.of(14), wireString(Buffer.concat([wireString(kind), wireString(bytes)]))]));
  const good = wireString(identities(mine));
  const message = Buffer.from("m");
  const sign = async (answer: Buffer) => {
    const replies = [good, answer];
    await using agent = await fakeAgent(() => replies.shift() ?? Buffer.alloc(0));
    return await (await agentSigner(agent.socket, key.did)).sign(message);
  };
  verifySignature(key.did, message, await sign(signature(key.sign(message))));
  for (const [answer, why] of [
    [signature(key.sign(Buffer.from("other"))), /not the key's over what/],
    [signature(generateSigningKey().sign(message)), /not the key's over what/],
    [signature(key.sign(message), "ssh-rsa"), /of another kind/],
    [signature(Buffer.alloc(3)), /not the key's/],
    [wireString(Buffer.of(5)), /said no/],
    [wireString(Buffer.of(6)), /message 6/],
    [wireString(Buffer.concat([Buffer.of(14), wireUint32(1000)])), /ends too early/],
    [wireUint32(300_000), /300000 bytes/],
    [wireUint32(0), /0 bytes/],
    [Buffer.concat([signature(key.sign(message)), Buffer.of(0)]), /more than it was asked/],
  ] as const)
    await assert.rejects(sign(answer), { code: "agent_refused", message: why });
  const list = async (answer: Buffer) => {
    await using agent = await fakeAgent(() => answer);
    return await agentKeys(agent.socket);
  };
  await assert.rejects(list(wireString(Buffer.concat([Buffer.of(12), wireUint32(5000)]))), { code: "agent_refused" });
  await assert.rejects(list(wireString(Buffer.concat([identities(mine), Buffer.of(1)]))), { code: "agent_refused" });
  await assert.rejects(list(Buffer.alloc(0)), { code: "agent_unavailable" });
  await using two = await fakeAgent(() => wireString(identities(mine, sshPublicKey(generateSigningKey().publicKey))));
  await assert.rejects(agentSigner(two.socket, "k"), { code: "key_unknown", message: /2 keys/ });
  await using token = await fakeAgent(() =>
    wireString(identities(Buffer.concat([wireString("sk-ssh-ed25519@openssh.com"), wireString("")]))),
  );
  await assert.rejects(agentSigner(token.socket, "k"), { code: "key_unknown", message: /security key/ });
});

let sockets = 0;

/** Answers every connection with what `reply` gives, and hangs up. */
async function fakeAgent(reply: () => Buffer): Promise<AsyncDisposable & { readonly socket: string }> {
  sockets += 1;
  const socket = join(folder, `fake-${sockets}.sock`);
  const server: Server = createServer((connection) => {
    connection.on("error", () => undefined);
    connection.once("data", () => connection.end(reply()));
  });
  await new Promise<void>((resolve) => void server.listen(socket, resolve));
  return { socket, [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) };
}

async function waitFor<T>(ask: () => Promise<T>, attempts = 100): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (thrown) {
      if (attempt >= attempts) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
