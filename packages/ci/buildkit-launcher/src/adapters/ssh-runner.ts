// A runner over ssh: the context by rsync, secrets and the registry's token into memory there, buildctl, the kernel's counts.
//
// 1. Secrets and tokens travel through standard input into a folder that only the runner's user reads and that is on no disk; they are in no argument.
// 2. What buildctl says is given line by line to `onLine` as it comes; nothing of it is kept here.
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { type Lease, TriplaneError, toTriplaneError } from "@triplane/contract";
import { z } from "zod";
import type { IgnoreRules } from "../context/ignore-rules.ts";
import { walkContext } from "../context/walk.ts";
import { type BuildctlPlan, buildctlArguments } from "../plan/buildctl.ts";
import type { BuildSums } from "../progress/step-book.ts";
import type { BuildctlEnd, Runner, RunnerStats } from "../run/ports.ts";
import { remote, SSH_FAILED, type SshTarget, sendFiles } from "./ssh.ts";
import { type BuildKeys, hangUp, targetOf } from "./ssh-session.ts";

export interface RunnerJob {
  /** Absolute. */
  readonly contextFolder: string;
  readonly rules: IgnoreRules;
  /** Absolute. */
  readonly dockerfile: string;
  /** Of the Dockerfile's own, where it has one; BuildKit reads it there. */
  readonly dockerfileIgnore: string | undefined;
  readonly plan: Omit<BuildctlPlan, "registry" | "secrets" | "contextFolder" | "dockerfileFolder" | "dockerfile" | "metadataFile">;
  /** Registry where the lease names none. */
  readonly registry: string | undefined;
  readonly secrets: readonly { readonly id: string; readonly value: Uint8Array }[];
  /** A line that buildctl wrote to standard error. */
  onLine(line: string): void;
  /** The sums of those lines, once the last one is there. */
  sums(): BuildSums;
  /** What has to be taken out of the log from now on. */
  hide(secret: string): void;
}

const CONTEXT = "context";
const DOCKERFILE = "dockerfile";
const MEMORY_FOLDER = "/dev/shm";
/** sshd may be there before buildkitd is. Seconds. */
const DAEMON_WAIT_S = 60;
const DAEMON_ABSENT = 75;

const PREPARE = `umask 077
mkdir -p ${CONTEXT} ${DOCKERFILE} || exit 1
test "$(stat -f -c %T ${MEMORY_FOLDER})" = tmpfs || exit 74
tries=0
while ! test -S /run/buildkit/buildkitd.sock; do
  tries=$((tries + 1))
  test $tries -le ${DAEMON_WAIT_S * 5} || exit ${DAEMON_ABSENT}
  sleep 0.2
done
mktemp -d ${MEMORY_FOLDER}/triplane-XXXXXXXXXX`;

/** The first word is where the metadata go; they are printed where there are any. */
const BUILD = `meta=$1; shift
buildctl "$@"
code=$?
test ! -e "$meta" || cat "$meta"
exit $code`;

const statsSchema = z.object({ oom_kills: z.int().min(0), peak_memory_mib: z.number().min(0).optional() });
const metadataSchema = z.object({ "containerimage.digest": z.string().regex(/^sha256:[0-9a-f]{64}$/) });

/** Connects and makes the folders. Throws `runner_unreachable`, `runner_host_key` or `runner_not_ready`. */
export async function connectRunner(lease: Lease, keys: BuildKeys, job: RunnerJob, signal: AbortSignal): Promise<Runner> {
  const target = await targetOf(lease, keys);
  const { exitCode, stdout, stderr } = await remote(target, ["sh", "-c", PREPARE], { signal });
  const memory = stdout.trim();
  if (exitCode === DAEMON_ABSENT) throw new TriplaneError("runner_not_ready", "buildkitd does not run on the runner");
  if (exitCode !== 0 || !/^\/dev\/shm\/triplane-[A-Za-z0-9]{10}$/.test(memory))
    throw new TriplaneError("runner_not_ready", `the runner has no place for a build (${exitCode}): ${stderr.trim().slice(-300)}`);
  return new SshRunner(target, memory, job);
}

class SshRunner implements Runner {
  readonly #target: SshTarget;
  /** Folder in memory. */
  readonly #memory: string;
  readonly #job: RunnerJob;

  constructor(target: SshTarget, memory: string, job: RunnerJob) {
    this.#target = target;
    this.#memory = memory;
    this.#job = job;
  }

  async sendContext(signal: AbortSignal): Promise<void> {
    const { contextFolder, rules, dockerfile, dockerfileIgnore } = this.#job;
    await this.#put(`${DOCKERFILE}/${basename(dockerfile)}`, createReadStream(dockerfile), signal);
    if (dockerfileIgnore !== undefined)
      await this.#put(`${DOCKERFILE}/${basename(dockerfile)}.dockerignore`, createReadStream(dockerfileIgnore), signal);
    await sendFiles(this.#target, contextFolder, CONTEXT, namesOf(contextFolder, rules), signal);
  }

  async build(lease: Lease, signal: AbortSignal): Promise<BuildctlEnd> {
    const { job, secrets, access } = { job: this.#job, secrets: await this.#putSecrets(signal), access: lease.registry_access };
    const registry = access?.registry ?? job.registry;
    if (registry === undefined)
      throw new TriplaneError("config_invalid", "neither the pool nor --registry says to which registry the image is pushed");
    if (access !== undefined) await this.#putLogin(lease.lease_id, access, signal);
    const metadataFile = `${this.#memory}/metadata.json`;
    const args = buildctlArguments({
      ...{ ...job.plan, registry, secrets, metadataFile },
      ...{ contextFolder: CONTEXT, dockerfileFolder: DOCKERFILE, dockerfile: basename(job.dockerfile) },
    });
    const command = ["env", `DOCKER_CONFIG=${this.#memory}`, "sh", "-c", BUILD, "build", metadataFile, ...args];
    const end = await remote(this.#target, command, { signal, onErrorLine: (line) => job.onLine(line) }).catch((thrown: unknown) => {
      const error = toTriplaneError(thrown);
      if (error.code !== "runner_unreachable") throw error;
      job.onLine(error.message);
      return { exitCode: SSH_FAILED, stdout: "" };
    });
    return { ...job.sums(), exitCode: end.exitCode, imageDigest: end.exitCode === 0 ? digestIn(end.stdout) : undefined };
  }

  async stats(): Promise<RunnerStats | undefined> {
    const { exitCode, stdout } = await remote(this.#target, ["runner-stats"]);
    const parsed = exitCode === 0 ? statsSchema.safeParse(parseJson(stdout)) : undefined;
    if (parsed?.success !== true) return undefined;
    return { oomKills: parsed.data.oom_kills, peakMemoryMib: parsed.data.peak_memory_mib };
  }

  async close(): Promise<void> {
    await hangUp(this.#target);
  }

  async #putSecrets(signal: AbortSignal): Promise<readonly { readonly id: string; readonly file: string }[]> {
    const placed: { id: string; file: string }[] = [];
    for (const [index, { id, value }] of this.#job.secrets.entries()) {
      const file = `${this.#memory}/secret-${index}`;
      await this.#put(file, once(value), signal);
      placed.push({ id, file });
    }
    return placed;
  }

  async #putLogin(leaseId: string, access: NonNullable<Lease["registry_access"]>, signal: AbortSignal): Promise<void> {
    this.#job.hide(access.token);
    const auth = Buffer.from(`${leaseId}:${access.token}`).toString("base64");
    this.#job.hide(auth);
    const config = JSON.stringify({ auths: { [access.registry]: { auth } } });
    await this.#put(`${this.#memory}/config.json`, once(Buffer.from(config)), signal);
  }

  /** Mode 600, because of the umask. */
  async #put(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const end = await remote(this.#target, ["sh", "-c", 'umask 077; cat > "$1"', "put", path], { input: content, signal });
    if (end.exitCode !== 0)
      throw new TriplaneError("runner_unreachable", `${basename(path)} cannot be written on the runner: ${end.stderr.trim().slice(-300)}`);
  }
}

async function* namesOf(folder: string, rules: IgnoreRules): AsyncGenerator<Uint8Array> {
  const end = Buffer.from([0]);
  for await (const { path } of walkContext(folder, rules)) yield Buffer.concat([path, end]);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function digestIn(metadata: string): string | undefined {
  const parsed = metadataSchema.safeParse(parseJson(metadata));
  return parsed.success ? parsed.data["containerimage.digest"] : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
