// What scripts of packages would have done, and what is ours: accounts, certificates, the linker's cache, BuildKit, our own files.
import { chmod, chown, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isErrno } from "@triplane/kit";
import { exec } from "../machine/exec.ts";
import type { DebianPackage } from "./packages.ts";
import { type RootFile, RUNNER_UID, RUNNER_USER } from "./recipe.ts";

/** Raised with every change of what is done here: a root that was finished otherwise is another one. */
export const FINISH_VERSION = 3;

/** Static programs that are copied in. */
export interface RootPrograms {
  readonly buildkitd: string;
  readonly buildctl: string;
}

export interface RootParts {
  readonly programs: RootPrograms;
  readonly files: readonly RootFile[];
  readonly packages: readonly DebianPackage[];
}

const FOLDERS: readonly (readonly [path: string, mode: number])[] = [
  ["proc", 0o555],
  ["sys", 0o555],
  ["dev", 0o755],
  ["run", 0o755],
  ["tmp", 0o1777],
  ["var/tmp", 0o1777],
  ["var/lib/buildkit", 0o711],
  ["etc/triplane", 0o755],
  ["etc/buildkit", 0o755],
  ["root", 0o700],
];

export async function finishRoot(root: string, { programs, files, packages }: RootParts): Promise<void> {
  for (const [path, mode] of FOLDERS) {
    await mkdir(join(root, path), { recursive: true });
    await chmod(join(root, path), mode);
  }
  for (const name of ["buildkitd", "buildctl"] as const) {
    const target = join(root, "usr/local/bin", name);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(programs[name], target);
    await chmod(target, 0o755);
  }
  for (const { path, mode, content } of files) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode });
    await chmod(target, mode);
  }
  const home = join(root, "home", RUNNER_USER);
  await mkdir(home, { recursive: true });
  await chmod(home, 0o700);
  await chown(home, RUNNER_UID, RUNNER_UID);
  await link("dash", join(root, "usr/bin/sh"));
  await link("/proc/self/mounts", join(root, "etc/mtab"));
  await trustDebiansAuthorities(root);
  await writeDpkgStatus(root, packages);
  // The machine's own ldconfig: it reads the files of the root and runs none of them.
  await exec("ldconfig", ["-X", "-r", root]);
  // It has inodes and times of the files in it, so that no two roots would be alike.
  await rm(join(root, "var/cache/ldconfig"), { recursive: true, force: true });
}

async function link(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

/** dpkg's own database, so that dpkg-query and scanners of other people see what is there. */
async function writeDpkgStatus(root: string, packages: readonly DebianPackage[]): Promise<void> {
  const entries = packages.map(({ control }) => control.trim().replace(/\n/, "\nStatus: install ok installed\n"));
  await mkdir(join(root, "var/lib/dpkg/info"), { recursive: true });
  await mkdir(join(root, "var/lib/dpkg/updates"), { recursive: true });
  await writeFile(join(root, "var/lib/dpkg/status"), entries.map((entry) => `${entry}\n\n`).join(""));
}

/** One file with every certificate of the package, which is where OpenSSL and Go look first. */
async function trustDebiansAuthorities(root: string): Promise<void> {
  const folder = join(root, "usr/share/ca-certificates/mozilla");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".crt")).sort();
  const certificates = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  await mkdir(join(root, "etc/ssl/certs"), { recursive: true });
  await writeFile(join(root, "etc/ssl/certs/ca-certificates.crt"), certificates.map((text) => `${text.trimEnd()}\n`).join(""));
}
