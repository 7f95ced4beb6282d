// Debian's part of a golden root: apt resolves, downloads and checks signatures; the packages are unpacked, none of their scripts run.
//
// 1. Neither the machine's package lists nor its database of installed packages is read or written.
// 2. No script of a package runs: what scripts would do is done in finish.ts.
import { mkdir, open, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { sleep, tryProcessLock } from "@triplane/kit";
import { exec } from "../machine/exec.ts";
import { BASE_PACKAGES, type GoldenRecipe, sourcesList } from "./recipe.ts";

export interface DebianPackage {
  /** Its control fields, as dpkg keeps them. */
  readonly control: string;
  readonly file: string;
}

const MINUTE_MS = 60_000;
/** What is killed takes apt with it: else it would hold the lock of the archives after that. */
const ENDS_WITH_US = ["--pdeathsig", "KILL", "--"];
/** Manuals and translations. What is in usr/share/doc stays: licences ask for the copyright files. */
const LEFT_OUT = ["./usr/share/man", "./usr/share/info", "./usr/share/locale", "./usr/share/i18n"];

/**
 * Downloads the packages of the recipe with all that they depend on. `archives` may be kept: apt checks what it finds there.
 * One process at a time uses it; others wait. Throws `provider_busy` where one waits for too long.
 */
export async function downloadPackages(
  recipe: GoldenRecipe,
  work: string,
  archives: string,
  signal?: AbortSignal,
): Promise<readonly DebianPackage[]> {
  const untilMs = performance.now() + 15 * MINUTE_MS;
  for (;;) {
    const lock = await tryProcessLock(`${archives}.lock`);
    if (!("heldBy" in lock)) {
      try {
        return await download(recipe, work, archives, signal);
      } finally {
        await lock.release();
      }
    }
    if (signal?.aborted === true || performance.now() > untilMs)
      throw new TriplaneError("provider_busy", `process ${lock.heldBy} downloads packages to ${archives}`);
    await sleep(500, signal);
  }
}

async function download(
  recipe: GoldenRecipe,
  work: string,
  archives: string,
  signal: AbortSignal | undefined,
): Promise<readonly DebianPackage[]> {
  const nothing = join(work, "nothing");
  for (const folder of [join(work, "state/lists/partial"), join(archives, "partial"), join(nothing, "partial")])
    await mkdir(folder, { recursive: true });
  await writeFile(join(work, "sources.list"), sourcesList(recipe));
  await writeFile(join(work, "installed"), "");
  const settings = {
    "Dir::State": join(work, "state"),
    "Dir::State::status": join(work, "installed"),
    "Dir::Cache": work,
    "Dir::Cache::archives": archives,
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "APT::Sandbox::User": "",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
  };
  const flags = ["-qq", ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
  const names = [...new Set([...BASE_PACKAGES, ...recipe.packages])];
  const apt = (...more: string[]): Promise<string> =>
    exec("setpriv", [...ENDS_WITH_US, "apt-get", ...flags, ...more], { deadlineMs: 15 * MINUTE_MS, signal, cwd: work });
  await apt("update");
  // It names what is still to be downloaded, so what was kept must be out of its sight.
  const uris = await apt("install", "--yes", "--print-uris", "-o", `Dir::Cache::archives=${nothing}`, ...names);
  const wanted = [...uris.matchAll(/^'[^']+' (\S+\.deb) \d+ /gm)].map((match) => match[1] ?? "");
  if (wanted.length === 0) throw new TriplaneError("provider_failed", "apt names no package to download");
  await apt("install", "--yes", "--download-only", ...names);
  const present = new Set(await readdir(archives));
  const missing = wanted.filter((file) => !present.has(file));
  if (missing.length > 0) throw new TriplaneError("provider_failed", `apt did not download ${missing.join(", ")}`);
  return await Promise.all(wanted.sort().map((file) => describe(join(archives, file))));
}

async function describe(file: string): Promise<DebianPackage> {
  return { control: await exec("dpkg-deb", ["--field", file]), file };
}

/** Unpacks in a merged /usr, one package after the other. */
export async function unpackPackages(packages: readonly DebianPackage[], root: string, signal?: AbortSignal): Promise<void> {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const { file } of packages) await unpack(file, root, signal);
}

/** By tar and not by dpkg-deb alone, which would put a folder where /lib is a link. */
async function unpack(file: string, root: string, signal: AbortSignal | undefined): Promise<void> {
  const archive = join(root, "..", "package.tar");
  const handle = await open(archive, "w");
  try {
    await exec("dpkg-deb", ["--fsys-tarfile", file], { stdoutTo: handle.fd, signal, deadlineMs: MINUTE_MS });
  } finally {
    await handle.close();
  }
  const flags = [
    "--preserve-permissions",
    "--numeric-owner",
    "--keep-directory-symlink",
    ...LEFT_OUT.map((pattern) => `--exclude=${pattern}`),
  ];
  await exec("tar", ["--extract", "--file", archive, ...flags, "--directory", root], { signal, deadlineMs: MINUTE_MS });
  await rm(archive);
}
