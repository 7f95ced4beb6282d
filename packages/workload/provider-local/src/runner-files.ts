// What is put into a runner before it starts, as the upper layer of its root: keys, name, limits, buildkitd's configuration.
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { ServerSpec } from "@triplane/vm-pool";
import { RUNNER_UID } from "./golden/recipe.ts";
import { type ResolvedSettings, stepMemoryMib } from "./settings.ts";

const PUBLIC_KEY = /^ssh-ed25519 [A-Za-z0-9+/]{60,100}={0,2}$/;
const PRIVATE_KEY = /^-----BEGIN OPENSSH PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{100,4000}\n-----END OPENSSH PRIVATE KEY-----\n?$/;
const MIB = 1024 * 1024;

interface UpperFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
}

/** Throws `provider_failed` for a key that is not one line of Ed25519, or a time that is no number. */
export async function upperFiles(spec: ServerSpec, memoryMib: number, settings: ResolvedSettings): Promise<readonly UpperFile[]> {
  if (!PUBLIC_KEY.test(spec.authorizedKey)) throw wrong("the key that may log in is not one line of ssh-ed25519");
  if (!PUBLIC_KEY.test(spec.hostKey.public)) throw wrong("the host key is not one line of ssh-ed25519");
  if (!PRIVATE_KEY.test(spec.hostKey.private)) throw wrong("the host key's private half is not an OpenSSH key");
  if (!Number.isSafeInteger(spec.deadManAtS) || spec.deadManAtS < 0) throw wrong("the time at which it ends itself is not in seconds");
  const steps = stepMemoryMib(memoryMib) * MIB;
  return [
    { path: "etc/hostname", mode: 0o644, content: `${spec.name}\n` },
    { path: "etc/hosts", mode: 0o644, content: `127.0.0.1 localhost ${spec.name}\n${settings.range.gateway} gateway\n` },
    { path: "etc/ssh/ssh_host_ed25519_key", mode: 0o600, content: `${spec.hostKey.private.trimEnd()}\n` },
    { path: "etc/ssh/ssh_host_ed25519_key.pub", mode: 0o644, content: `${spec.hostKey.public}\n` },
    { path: "etc/triplane/authorized_keys", mode: 0o644, content: `${spec.authorizedKey}\n` },
    { path: "etc/triplane/runner.env", mode: 0o644, content: `DEAD_MAN_AT_S=${spec.deadManAtS}\nSTEP_MEMORY_BYTES=${steps}\n` },
    { path: "etc/buildkit/buildkitd.toml", mode: 0o644, content: buildkitdToml(settings.plainHttpRegistries) },
    ...(settings.loginAsRoot === true ? [{ path: "etc/ssh/sshd_config", mode: 0o644, content: await sshdConfigForRoot() }] : []),
  ];
}

/** The golden root's own, but for who logs in. */
async function sshdConfigForRoot(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "../root/sshd_config"), "utf8");
  return text.replace(/^AllowUsers .*$/m, "AllowUsers root").replace(/^PermitRootLogin .*$/m, "PermitRootLogin prohibit-password");
}

function buildkitdToml(plainHttpRegistries: readonly string[]): string {
  return [
    'root = "/var/lib/buildkit"',
    "[grpc]",
    'address = ["unix:///run/buildkit/buildkitd.sock"]',
    "uid = 0",
    `gid = ${RUNNER_UID}`,
    "[worker.oci]",
    "enabled = true",
    'binary = "/usr/libexec/triplane/counting-runc"',
    // Steps have the runner's network, which is a namespace of its own.
    'networkMode = "host"',
    "[worker.containerd]",
    "enabled = false",
    ...plainHttpRegistries.flatMap((name) => [`[registry.${JSON.stringify(name)}]`, "http = true"]),
    "",
  ].join("\n");
}

/** Folders get the mode that they have in every root: the upper layer's counts. */
export async function writeUpper(upper: string, files: readonly UpperFile[]): Promise<void> {
  await mkdir(upper, { recursive: true });
  await chmod(upper, 0o755);
  for (const { path, mode, content } of files) {
    const target = join(upper, path);
    await mkdir(dirname(target), { recursive: true });
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) await chmod(join(upper, folder), 0o755);
    await writeFile(target, content, { mode });
    await chmod(target, mode);
  }
}

function wrong(what: string): TriplaneError {
  return new TriplaneError("provider_failed", `runner: ${what}`);
}
