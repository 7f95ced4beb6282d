// The system's ssh and rsync to one runner: its host key pinned, a key of this build only, one connection for all commands.
//
// 1. Only the pinned host key is taken; nothing of the user's or the machine's ssh configuration is read.
// 2. What goes to the runner's shell is quoted here, word by word; secrets go through standard input, never in arguments.
// 3. ssh's own failures (255) are told apart from those of the command.
import { spawn } from "node:child_process";
import { TriplaneError } from "@triplane/contract";

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** Private key file of this build. */
  readonly keyFile: string;
  /** Holds the one line of `knownHostsLine`. */
  readonly knownHostsFile: string;
  /** Socket of the shared connection; at most 100 bytes. */
  readonly controlPath: string;
}

export interface RemoteEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RemoteOptions {
  readonly input?: string | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Each line of standard error as it comes, the last one also without an end. */
  onErrorLine?(line: string): void;
}

const MAX_OUTPUT_CHARS = 1024 * 1024;
const MAX_LINE_CHARS = 16 * 1024 * 1024;
export const SSH_FAILED = 255;

/** `[host]:port`, and the bare host where the port is 22, as ssh looks it up. */
export function knownHostsLine({ host, port, hostKey }: Pick<SshTarget, "host" | "port" | "hostKey">): string {
  return `${port === 22 ? host : `[${host}]:${port}`} ${hostKey}\n`;
}

export function sshOptions(target: SshTarget): readonly string[] {
  const settings = [
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile="${target.knownHostsFile}"`,
    "GlobalKnownHostsFile=/dev/null",
    "HostKeyAlgorithms=ssh-ed25519",
    "UpdateHostKeys=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "BatchMode=yes",
    "ForwardAgent=no",
    "ConnectTimeout=10",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "ControlMaster=auto",
    `ControlPath="${target.controlPath}"`,
    "ControlPersist=60",
    "LogLevel=ERROR",
  ];
  return ["-F", "none", "-i", target.keyFile, "-p", String(target.port), ...settings.flatMap((setting) => ["-o", setting])];
}

/** A word of a POSIX shell that stands for exactly this text. */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new TriplaneError("usage", "an argument holds a NUL");
  return /^[A-Za-z0-9_/:=.,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Runs a command on the runner. Throws `runner_host_key` or `runner_unreachable` where ssh itself fails. */
export async function remote(target: SshTarget, command: readonly string[], options: RemoteOptions = {}): Promise<RemoteEnd> {
  const end = await run("ssh", [...sshOptions(target), "--", `${target.user}@${target.host}`, command.map(shellWord).join(" ")], options);
  if (end.exitCode === SSH_FAILED) throw connectionFailure(target, end.stderr);
  return end;
}

/** Sends the listed paths of a folder (NUL after each). Throws as `remote`; `context_invalid` where files cannot be read. */
export async function sendFiles(
  target: SshTarget,
  from: string,
  to: string,
  paths: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const shell = ["ssh", ...sshOptions(target)].map((word) => (/[\s'"]/.test(word) ? `'${word}'` : word)).join(" ");
  const flags = ["--links", "--perms", "--times", "--dirs", "--specials", "--no-implied-dirs", "--partial", "--files-from=-", "--from0"];
  const args = [...flags, "--timeout=60", "--rsh", shell, "--", `${from}/`, `${target.user}@${target.host}:${to}/`];
  const end = await run("rsync", args, { input: paths, ...(signal === undefined ? {} : { signal }) });
  if (end.exitCode === 0) return;
  // 24: a file went away while it was sent, as it may for BuildKit.
  if (end.exitCode === 24) return;
  if (end.exitCode === 23) throw new TriplaneError("context_invalid", `the build context cannot be sent: ${lastLine(end.stderr)}`);
  throw connectionFailure(target, end.stderr);
}

function connectionFailure({ host, port }: SshTarget, stderr: string): TriplaneError {
  const where = `${host}:${port}`;
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|host key is known/i.test(stderr))
    return new TriplaneError("runner_host_key", `${where} does not have the host key that the pool gave this runner`);
  return new TriplaneError("runner_unreachable", `${where}: ${lastLine(stderr) || "the connection was lost"}`);
}

async function run(program: string, args: readonly string[], options: RemoteOptions): Promise<RemoteEnd> {
  return await new Promise<RemoteEnd>((resolve, reject) => {
    const child = spawn(program, [...args], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C at a terminal is for us alone: the connection is needed to end what runs.
      detached: true,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], LANG: "C" },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    let [stdout, stderr, rest] = ["", "", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout = (stdout + chunk).slice(-MAX_OUTPUT_CHARS);
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-MAX_OUTPUT_CHARS);
      if (options.onErrorLine === undefined) return;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      // A line without an end is cut: nothing here grows without a bound.
      if (rest.length > MAX_LINE_CHARS) lines.push(rest.slice(0, MAX_LINE_CHARS));
      if (rest.length > MAX_LINE_CHARS) rest = "";
      for (const line of lines) options.onErrorLine(line);
    });
    // Whoever does not read to the end has said why by its exit code.
    child.stdin.on("error", () => undefined);
    child.once("error", (cause) => {
      if (options.signal?.aborted === true) reject(new TriplaneError("build_cancelled", `${program} was stopped`, { cause }));
      else reject(new TriplaneError("tool_missing", `${program} cannot be run: ${cause.message}`, { cause }));
    });
    child.once("close", (code) => {
      if (rest !== "") options.onErrorLine?.(rest);
      resolve({ exitCode: code ?? SSH_FAILED, stdout, stderr });
    });
    feed(child.stdin, options.input ?? "").catch((cause: unknown) => {
      child.kill();
      reject(cause);
    });
  });
}

async function feed(stdin: NodeJS.WritableStream, input: string | AsyncIterable<Uint8Array>): Promise<void> {
  if (typeof input === "string") stdin.end(input);
  else {
    for await (const chunk of input)
      if (!stdin.write(chunk)) await new Promise((resolve) => stdin.once("drain", resolve).once("close", resolve));
    stdin.end();
  }
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split("\n")
      .findLast((line) => !/^rsync error/.test(line)) ?? ""
  ).slice(0, 300);
}
