// Why this machine cannot have runners, in words that say what is missing.
import { access, constants, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { searchTool, toolNamed } from "@triplane/kit";
import { KEYRING } from "./golden/recipe.ts";
import { heldCapabilities } from "./machine/capabilities.ts";
import { exec } from "./machine/exec.ts";
import { hierarchiesOf } from "./machine/hierarchy.ts";

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** Programs, and the Debian package that has each. */
const FOR_RUNNERS = { ip: "iproute2", unshare: "util-linux", nsenter: "util-linux", mount: "mount" } as const;
const FOR_ROOTS = { "apt-get": "apt", "dpkg-deb": "dpkg", tar: "tar", ldconfig: "libc-bin", setpriv: "util-linux" } as const;

/** Of whoever talks to a runner: the pool, the launcher. */
const FOR_CLIENTS = { ssh: "openssh-client", "ssh-keygen": "openssh-client", "ssh-keyscan": "openssh-client", rsync: "rsync" } as const;

/** Nothing when runners can be made here, their folders below `folder`. */
export async function runnerNeeds(folder: string = tmpdir()): Promise<readonly string[]> {
  if (process.platform !== "linux") return [`Linux (this is ${process.platform})`];
  const needs = [...(await rootNeeds()), ...(await programNeeds(FOR_RUNNERS))];
  if ((await searchTool(toolNamed("runc"))).found === undefined) needs.push("runc (npm run tools runc)");
  const fileSystems = await readFile("/proc/filesystems", "utf8").catch(() => "");
  if (!/\boverlay$/m.test(fileSystems)) needs.push("overlayfs in the kernel (modprobe overlay)");
  try {
    const memory = hierarchiesOf(await readFile("/proc/self/mountinfo", "utf8")).controllers.get("memory") ?? "";
    if (!(await isThere(memory, constants.W_OK))) needs.push(`a cgroup hierarchy that can be written (${memory} cannot)`);
  } catch {
    needs.push("a mounted cgroup hierarchy with the memory controller");
  }
  // What is missing above would be told a second time by a mount that fails.
  return needs.length > 0 ? needs : await overlayNeeds(folder);
}

/** Nothing when runners that are here can be talked to. */
export async function clientNeeds(): Promise<readonly string[]> {
  return await programNeeds(FOR_CLIENTS);
}

/** Nothing when golden roots can be made here. */
export async function goldenNeeds(): Promise<readonly string[]> {
  if (process.platform !== "linux") return [`Linux (this is ${process.platform})`];
  const needs = [...(await rootNeeds()), ...(await programNeeds(FOR_ROOTS))];
  for (const name of ["buildkitd", "buildctl"] as const)
    if ((await searchTool(toolNamed(name))).found === undefined) needs.push(`${name} (npm run tools ${name})`);
  if (!(await isThere(KEYRING, constants.R_OK))) needs.push("Debian's archive keys (package debian-archive-keyring)");
  return needs;
}

async function rootNeeds(): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [`root (this is user ${process.getuid?.()})`];
  const held = await heldCapabilities();
  const missing = (["SYS_ADMIN", "NET_ADMIN"] as const).filter((name) => !held(name));
  return missing.map((name) => `the capability ${name} (this is root without it, as in a container)`);
}

/** Not every file system can be the upper one of an overlay: another overlay cannot, nor can most that come over a network. */
async function overlayNeeds(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const place = await mkdtemp(join(folder, ".overlay-"));
  try {
    const [lower, upper, work, root] = ["lower", "upper", "work", "root"].map((name) => join(place, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const each of [lower, upper, work, root]) await mkdir(each);
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    // In a namespace of its own: the mount goes with the process.
    await exec("unshare", ["--mount", "--propagation", "private", "--", "mount", "-t", "overlay", "-o", options, "overlay", root]);
    return [];
  } catch (error) {
    return [`a folder that can lie in an overlay (${folder} cannot: ${error instanceof Error ? error.message : String(error)})`];
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function programNeeds(programs: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const needs: string[] = [];
  for (const [name, debianPackage] of Object.entries(programs)) {
    const found = await Promise.all(FOLDERS.map((folder) => isThere(join(folder, name), constants.X_OK)));
    if (!found.includes(true)) needs.push(`${name} (package ${debianPackage})`);
  }
  return needs;
}

async function isThere(path: string, mode: number): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}
