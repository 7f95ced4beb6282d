// A runner over ssh: the context by rsync, secrets and the registry's token into memory there, buildctl, the kernel's counts.
//
// 1. Secrets and tokens travel through standard input into a folder that only the runner's user reads and that is on no disk; they are in no argument.
// 2. What buildctl says is given line by line to `onLine` as it comes; nothing of it is kept here.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Lease, TriplaneError, toTriplaneError } from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
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

/**
 * Makes the folders, waits for buildkitd, and takes in files: pairs of a name and a length, their bytes one after another on standard input. A name
 * that begins with `memory/` is in the folder in memory. Prints that folder, then the counts.
 */
const PREPARE = `umask 077
mkdir -p ${CONTEXT} ${DOCKERFILE} || exit 1
test "$(stat -f -c %T ${MEMORY_FOLDER})" = tmpfs || exit 74
memory=$(mktemp -d ${MEMORY_FOLDER}/triplane-XXXXXXXXXX) || exit 1
while test $# -gt 0; do
  case "$1" in memory/*) to="$memory/\${1#memory/}" ;; *) to=$1 ;; esac
  head -c "$2" > "$to" || exit 1
  shift 2
done
tries=0
while ! test -S /run/buildkit/buildkitd.sock; do
  tries=$((tries + 1))
  test $tries -le ${DAEMON_WAIT_S * 5} || exit ${DAEMON_ABSENT}
  sleep 0.2
done
echo "$memory"
runner-stats`;

/** The first word is where the metadata go. Prints them on one line, empty where there are none, then the counts. */
const BUILD = `meta=$1; shift
buildctl "$@"
code=$?
if test -e "$meta"; then tr -d '\\n' < "$meta"; fi
echo
runner-stats
exit $code`;

const statsSchema = z.object({ oom_kills: z.int().min(0), peak_memory_mib: z.number().min(0).optional() });
const metadataSchema = z.object({ "containerimage.digest": z.string().regex(/^sha256:[0-9a-f]{64}$/) });

/** Connects and puts everything but the context there. Throws `runner_unreachable`, `runner_host_key`, `runner_not_ready` or `config_invalid`. */
export async function connectRunner(lease: Lease, keys: BuildKeys, job: RunnerJob, signal: AbortSignal): Promise<Runner> {
  const registry = lease.registry_access?.registry ?? job.registry;
  if (registry === undefined)
    throw new TriplaneError("config_invalid", "neither the pool nor --registry says to which registry the image is pushed");
  const target = await targetOf(lease, keys);
  const files = await filesOf(lease, job);
  const names = files.flatMap(({ path, content }) => [path, String(content.length)]);
  const input = contentsOf(files);
  const { exitCode, stdout, stderr } = await remote(target, ["sh", "-c", PREPARE, "prepare", ...names], { signal, input });
  const [memory = "", ...counts] = stdout.trim().split("\n");
  if (exitCode === DAEMON_ABSENT) throw new TriplaneError("runner_not_ready", "buildkitd does not run on the runner");
  if (!/^\/dev\/shm\/triplane-[A-Za-z0-9]{10}$/.test(memory))
    throw new TriplaneError("runner_not_ready", `the runner has no place for a build (${exitCode}): ${stderr.trim().slice(-300)}`);
  return new SshRunner({ target, memory, registry, job, stats: statsIn(counts.join("\n")) });
}

interface SentFile {
  readonly path: string;
  readonly content: Uint8Array;
}

async function filesOf(lease: Lease, job: RunnerJob): Promise<readonly SentFile[]> {
  const name = basename(job.dockerfile);
  const files: SentFile[] = [{ path: `${DOCKERFILE}/${name}`, content: await readFile(job.dockerfile) }];
  if (job.dockerfileIgnore !== undefined)
    files.push({ path: `${DOCKERFILE}/${name}.dockerignore`, content: await readFile(job.dockerfileIgnore) });
  for (const [index, { value }] of job.secrets.entries()) files.push({ path: `memory/secret-${index}`, content: value });
  const access = lease.registry_access;
  if (access === undefined) return files;
  const auth = Buffer.from(`${lease.lease_id}:${access.token}`).toString("base64");
  job.hide(access.token);
  job.hide(auth);
  return [...files, { path: "memory/config.json", content: Buffer.from(JSON.stringify({ auths: { [access.registry]: { auth } } })) }];
}

async function* contentsOf(files: readonly SentFile[]): AsyncGenerator<Uint8Array> {
  for (const { content } of files) if (content.length > 0) yield content;
}

interface RunnerParts {
  readonly target: SshTarget;
  /** Folder in memory. */
  readonly memory: string;
  readonly registry: string;
  readonly job: RunnerJob;
  readonly stats: RunnerStats | undefined;
}

class SshRunner implements Runner {
  readonly #parts: RunnerParts;
  /** What the last command told of them; asked for again once it was given away. */
  #stats: RunnerStats | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#stats = parts.stats;
  }

  async sendContext(signal: AbortSignal): Promise<void> {
    const { target, job } = this.#parts;
    await sendFiles(target, job.contextFolder, CONTEXT, namesOf(job.contextFolder, job.rules), signal);
  }

  async build(signal: AbortSignal): Promise<BuildctlEnd> {
    const { target, memory, registry, job } = this.#parts;
    const metadataFile = `${memory}/metadata.json`;
    const args = buildctlArguments({
      ...{ ...job.plan, registry, metadataFile, secrets: job.secrets.map(({ id }, index) => ({ id, file: `${memory}/secret-${index}` })) },
      ...{ contextFolder: CONTEXT, dockerfileFolder: DOCKERFILE, dockerfile: basename(job.dockerfile) },
    });
    const command = ["env", `DOCKER_CONFIG=${memory}`, "sh", "-c", BUILD, "build", metadataFile, ...args];
    const end = await remote(target, command, { signal, onErrorLine: (line) => job.onLine(line) }).catch((thrown: unknown) => {
      const error = toTriplaneError(thrown);
      if (error.code !== "runner_unreachable") throw error;
      job.onLine(error.message);
      return { exitCode: SSH_FAILED, stdout: "" };
    });
    const [metadata = "", ...counts] = end.stdout.split("\n");
    this.#stats = statsIn(counts.join("\n"));
    return { ...job.sums(), exitCode: end.exitCode, imageDigest: end.exitCode === 0 ? digestIn(metadata) : undefined };
  }

  async stats(): Promise<RunnerStats | undefined> {
    const known = this.#stats;
    this.#stats = undefined;
    if (known !== undefined) return known;
    const { exitCode, stdout } = await remote(this.#parts.target, ["runner-stats"]);
    return exitCode === 0 ? statsIn(stdout) : undefined;
  }

  async close(): Promise<void> {
    await hangUp(this.#parts.target);
  }
}

async function* namesOf(folder: string, rules: IgnoreRules): AsyncGenerator<Uint8Array> {
  const end = Buffer.from([0]);
  for await (const { path } of walkContext(folder, rules)) yield Buffer.concat([path, end]);
}

function statsIn(text: string): RunnerStats | undefined {
  const parsed = statsSchema.safeParse(tryParseJson(text));
  return parsed.success ? { oomKills: parsed.data.oom_kills, peakMemoryMib: parsed.data.peak_memory_mib } : undefined;
}

function digestIn(metadata: string): string | undefined {
  const parsed = metadataSchema.safeParse(tryParseJson(metadata));
  return parsed.success ? parsed.data["containerimage.digest"] : undefined;
}
