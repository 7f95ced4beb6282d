// The same root with the same daemons, started by `runc run` and nothing else: what a runner's start is compared with.
//
// No cgroup of limits, no network but an empty namespace, no record on disk.
import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findTool } from "@triplane/kit";
import type { ServerSpec } from "@triplane/vm-pool";
import { heldCapabilities, runnerCapabilities } from "../machine/capabilities.ts";
import { containerConfig } from "../machine/container.ts";
import { exec } from "../machine/exec.ts";
import { upperFiles, writeUpper } from "../runner-files.ts";
import { makeRunnerFolders } from "../runner-machine.ts";
import { type LocalSettings, resolveSettings } from "../settings.ts";

export interface PlainContainer extends AsyncDisposable {
  /** What its first process and the daemons say. */
  readonly log: string;
}

export async function plainContainer(settings: LocalSettings, spec: ServerSpec, folder: string): Promise<PlainContainer> {
  const id = `tpr-plain-${spec.name.slice(-8)}`;
  const runc = (await findTool("runc")).path;
  await makeRunnerFolders(folder);
  await writeUpper(join(folder, "upper"), await upperFiles(spec, spec.offer.memoryMib, resolveSettings(settings)));
  const capabilities = runnerCapabilities(await heldCapabilities());
  const config = containerConfig({ hostName: spec.name, cgroup: `/${id}`, buildkitFolder: join(folder, "buildkit"), capabilities });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const layers = {
    lowerdir: join(settings.goldenFolder, spec.image, "root"),
    upperdir: join(folder, "upper"),
    workdir: join(folder, "work"),
  };
  const options = Object.entries(layers).map(([key, value]) => `${key}=${value}`);
  await exec("mount", ["-t", "overlay", "-o", options.join(","), "overlay", join(folder, "root")]);
  const path = join(folder, "log");
  const log = await open(path, "a");
  try {
    await exec(runc, ["--root", join(folder, "runc"), "run", "--detach", "--bundle", folder, id], { outputTo: log.fd });
  } finally {
    await log.close();
  }
  return {
    log: path,
    [Symbol.asyncDispose]: async () => {
      await exec(runc, ["--root", join(folder, "runc"), "delete", "--force", id]);
      await exec("umount", [join(folder, "root")]);
      await rm(folder, { recursive: true });
    },
  };
}

export interface DaemonsReady {
  readonly sshMs: number;
  readonly buildkitMs: number;
}

/** When both daemons listen, by what they write into the log, in milliseconds since `startedMs` of performance.now(). */
export async function daemonsReady(log: string, startedMs: number, giveUpMs = 30_000): Promise<DaemonsReady> {
  let [sshMs, buildkitMs]: (number | undefined)[] = [];
  while (sshMs === undefined || buildkitMs === undefined) {
    const now = performance.now() - startedMs;
    if (now > giveUpMs) throw new Error(`the daemons do not start: ${await readFile(log, "utf8")}`);
    const text = await readFile(log, "utf8").catch(() => "");
    if (sshMs === undefined && text.includes("Server listening on")) sshMs = now;
    if (buildkitMs === undefined && text.includes("running server on")) buildkitMs = now;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { sshMs, buildkitMs };
}
