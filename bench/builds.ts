// Measures a small build that is all in the registry's cache: the launcher, and ssh, rsync and buildctl typed by hand on a runner that is ready, in turns.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Lease, leaseSchema } from "@triplane/contract";
import { eventually } from "@triplane/testkit";
import { type BuildPlace, buildPlace } from "../test/build/launcher/place.ts";
import { median } from "./harness/statistics.ts";

const run = promisify(execFile);
const REPO = "bench/app";
const DOCKERFILE = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "echo one > /one"]
COPY source /source
RUN ["/bin/busybox", "sh", "-c", "echo two > /two"]
`;
const SPEC = "{ tier = 'cx22 }";

export interface CachedBuilds {
  readonly rounds: number;
  /** Of the whole process, without the time until there was a runner. */
  readonly launcherMs: number;
  readonly byHandMs: number;
  /** From the call until a runner is ready, of the launcher's own clock. */
  readonly spawnMs: number;
}

export async function measureCachedBuilds(rounds: number, signal: AbortSignal): Promise<CachedBuilds> {
  await using place = await buildPlace();
  const context = await place.context("app", { Dockerfile: DOCKERFILE, "source/main": "main", ".build-spec.ncl": SPEC });
  const [launcher, byHand, spawns]: [number[], number[], number[]] = [[], [], []];
  // The first of each fills the registry's cache, and the page cache.
  for (let round = -1; round < rounds && !signal.aborted; round += 1) {
    const ours = await withLauncher(place, context);
    const handMs = await typedByHand(place, context, `hand-${round}`);
    if (round < 0) continue;
    launcher.push(ours.buildMs);
    spawns.push(ours.spawnMs);
    byHand.push(handMs);
  }
  return { rounds, launcherMs: median(launcher), byHandMs: median(byHand), spawnMs: median(spawns) };
}

async function withLauncher(place: BuildPlace, context: string): Promise<{ readonly buildMs: number; readonly spawnMs: number }> {
  const before = performance.now();
  const end = await place.build(["--context", context, "--repo", REPO, "--json"]);
  const tookMs = performance.now() - before;
  if (end.exitCode !== 0) throw new Error(end.stderr + end.stdout);
  const { runs } = JSON.parse(end.stdout.trim().split("\n").at(-1) ?? "");
  const spawnMs = (runs[0].seconds.queued + runs[0].seconds.booting) * 1000;
  return { buildMs: tookMs - spawnMs, spawnMs };
}

/** What is not measured: getting the runner, and a login to the registry on it. */
async function typedByHand(place: BuildPlace, context: string, buildId: string): Promise<number> {
  const key = join(place.folder, buildId);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
  const lease = await leased(place, buildId, (await readFile(`${key}.pub`, "utf8")).trim());
  try {
    await writeFile(`${key}.known`, `${lease.host} ${lease.host_key}\n`);
    const options = [
      "-F",
      "none",
      "-i",
      key,
      "-o",
      `UserKnownHostsFile=${key}.known`,
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      "LogLevel=ERROR",
    ];
    const at = `${lease.user}@${lease.host}`;
    const ssh = (command: string) => run("ssh", [...options, at, command]);
    const { registry = "", token = "" } = lease.registry_access ?? {};
    const auth = Buffer.from(`${lease.lease_id}:${token}`).toString("base64");
    await ssh(`mkdir .docker context && echo '${JSON.stringify({ auths: { [registry]: { auth } } })}' > .docker/config.json`);
    await eventually(async () => (await ssh("test -S /run/buildkit/buildkitd.sock")).stderr === "");
    const cache = `type=registry,ref=${registry}/cache/${REPO}:default-amd64`;
    const before = performance.now();
    await run("rsync", ["--archive", "--rsh", ["ssh", ...options].join(" "), `${context}/`, `${at}:context/`]);
    await ssh(
      `buildctl build --progress=plain --frontend=dockerfile.v0 --local=context=context --local=dockerfile=context ` +
        `--output=type=image,name=${registry}/images/${REPO}:hand,push=true,oci-mediatypes=true ` +
        `--export-cache=${cache},mode=max,image-manifest=true,oci-mediatypes=true,compression=zstd --import-cache=${cache}`,
    );
    return performance.now() - before;
  } finally {
    await place.pool("DELETE", `/${lease.lease_id}`);
    await place.empty();
  }
}

async function leased(place: BuildPlace, buildId: string, publicKey: string): Promise<Lease> {
  const about = { repo: REPO, target: "", platform: "linux/amd64", tier: "cx22", ttl_s: 600 };
  const asked = leaseSchema.parse(await place.pool("POST", "/spawn", { ...about, build_id: buildId, ssh_public_key: publicKey }));
  return await eventually(
    async () => {
      const now = leaseSchema.parse(await place.pool("GET", `/${asked.lease_id}`));
      return now.state === "ready" ? now : undefined;
    },
    { timeoutMs: 120_000, what: "a runner" },
  );
}
