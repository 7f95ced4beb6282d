// The system's ssh to a canary: its host key pinned, a key of this canary only, nothing of anybody's configuration.
//
// 1. What runs there comes through standard input: nothing is quoted, nothing shows in a list of processes.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { CanaryLogin, CanaryShell, ShellEnd } from "../parts.ts";

const SSH_FAILED = 255;
const MAX_OUTPUT_CHARS = 4 * 1024 * 1024;
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252})$/;
const USER = /^[a-z][a-z0-9-]{0,31}$/;

export const sshShell: CanaryShell = async (login, script, signal) => {
  const { host, port, user } = login.address;
  if (!HOST.test(host) || !USER.test(user)) throw new TriplaneError("provider_failed", "the provider's address is none");
  const folder = await mkdtemp(join(tmpdir(), "triplane-canary-"));
  try {
    const key = join(folder, "key");
    const knownHosts = join(folder, "known_hosts");
    await writeFile(key, login.key, { mode: 0o600 });
    await writeFile(knownHosts, `${port === 22 ? host : `[${host}]:${port}`} ${login.hostKey}\n`);
    return judged(login, await run([...options(key, knownHosts, port), "--", `${user}@${host}`, "sh"], script, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

function judged({ address: { host, port } }: CanaryLogin, end: ShellEnd): ShellEnd {
  if (end.exitCode !== SSH_FAILED) return end;
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|host key is known/i.test(end.stderr))
    throw new TriplaneError("runner_host_key", `${host}:${port} does not have the host key that the canary was given`);
  throw new TriplaneError("runner_unreachable", `${host}:${port}: ${end.stderr.trim().split("\n").at(-1) || "no connection"}`);
}

function options(key: string, knownHosts: string, port: number): readonly string[] {
  const settings = {
    ...{ StrictHostKeyChecking: "yes", UserKnownHostsFile: `"${knownHosts}"`, GlobalKnownHostsFile: "/dev/null", UpdateHostKeys: "no" },
    ...{ HostKeyAlgorithms: "ssh-ed25519", IdentitiesOnly: "yes", IdentityAgent: "none", PreferredAuthentications: "publickey" },
    ...{ BatchMode: "yes", ForwardAgent: "no", ConnectTimeout: "10", ServerAliveInterval: "15", ServerAliveCountMax: "4" },
    ...{ LogLevel: "ERROR" },
  };
  return [
    "-F",
    "none",
    "-T",
    "-i",
    key,
    "-p",
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
  ];
}

function run(args: readonly string[], script: string, signal: AbortSignal): Promise<ShellEnd> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], LANG: "C" };
    const child = spawn("ssh", [...args], { stdio: ["pipe", "pipe", "pipe"], env, signal });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout = (stdout + chunk).slice(-MAX_OUTPUT_CHARS);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-MAX_OUTPUT_CHARS);
    });
    // Whoever does not read to the end has said why by its exit code.
    child.stdin.on("error", () => undefined);
    child.once("error", (cause) => {
      if (signal.aborted) reject(new TriplaneError("runner_unreachable", "ssh was stopped", { cause }));
      else reject(new TriplaneError("tool_missing", `ssh cannot be run: ${cause.message}`, { cause }));
    });
    child.once("close", (code) => resolve({ exitCode: code ?? SSH_FAILED, stdout, stderr }));
    child.stdin.end(script);
  });
}
