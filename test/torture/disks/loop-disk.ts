// A disk of its own for one folder: ext4 on a loop device, which can lose its power and fill up without anything else on the machine noticing.
//
// 1. `cut` is the shutdown ioctl of ext4 with NOLOGFLUSH (xfstests calls it godown): what nobody had synced is gone, journal included.
// 2. After a cut nothing can be read or written until `remount`, which replays the journal as a machine does that starts again.
// 3. Each mount has a loop device of its own: somebody else's mount namespace, of a runner for instance, may have copied the mount before the cut
//    and keeps its dead superblock for a while, which the same device would give us again.
// 4. Whoever still holds a file on it keeps it from being unmounted; `holders` names them.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, open, readdir, readlink, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@triplane/testkit";
import { runProgram } from "./program.ts";

const MIB = 1024 * 1024;

// EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH as its argument. Neither Node nor a common tool calls it; perl and python3 do.
const SHUTDOWN = "0x8004587D";
const NOLOGFLUSH = 2;
const SHUTDOWN_IN_PERL = `open(my $f, "<", $ARGV[0]) or die "$!\\n"; my $v = pack("L", ${NOLOGFLUSH}); ioctl($f, ${SHUTDOWN}, $v) or die "$!\\n";`;
const SHUTDOWN_IN_PYTHON = `import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), ${SHUTDOWN}, struct.pack("I", ${NOLOGFLUSH}))`;

export class LoopDisk {
  readonly mountPoint: string;
  readonly #image: string;
  #hasPower = true;

  private constructor(mountPoint: string, image: string) {
    this.mountPoint = mountPoint;
    this.#image = image;
  }

  /** Makes the disk, copies what the folder holds onto it, and mounts it there. `images` is a folder for the disk's content. */
  static async create(mountPoint: string, images: string, sizeMib: number): Promise<LoopDisk> {
    const image = join(images, `${randomBytes(6).toString("hex")}.ext4`);
    const file = await open(image, "wx", 0o600);
    await file.truncate(sizeMib * MIB);
    await file.close();
    await runProgram("mkfs.ext4", "-q", "-F", "-m", "0", image);
    const disk = new LoopDisk(mountPoint, image);
    const first = await mkdtemp(join(tmpdir(), "triplane-disk-"));
    await mkdir(mountPoint, { recursive: true, mode: 0o700 });
    await disk.#mount(first);
    await rm(join(first, "lost+found"), { recursive: true, force: true });
    await cp(mountPoint, first, { recursive: true, preserveTimestamps: true });
    await runProgram("chmod", "--reference", mountPoint, first);
    await runProgram("umount", first);
    await rm(first, { recursive: true });
    await disk.#mount(mountPoint);
    return disk;
  }

  /** The power goes. Processes that use the disk should be stopped before, as power would have stopped them. */
  async cut(): Promise<void> {
    this.#hasPower = false;
    if (existsSync("/usr/bin/perl")) await runProgram("/usr/bin/perl", "-e", SHUTDOWN_IN_PERL, this.mountPoint);
    else await runProgram("python3", "-c", SHUTDOWN_IN_PYTHON, this.mountPoint);
  }

  /** Unmounts and mounts again. Nobody may hold the disk. */
  async remount(): Promise<void> {
    await this.#unmount();
    await this.#mount(this.mountPoint);
    this.#hasPower = true;
  }

  /** False from a cut until it is mounted again. */
  get hasPower(): boolean {
    return this.#hasPower;
  }

  /** Takes all space that is left, but for `leaveBytes`. */
  async fill(leaveBytes = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.mountPoint);
    const ballast = await open(this.#ballast, "w", 0o600);
    try {
      // Written and not only reserved: a sparse file takes no space.
      const block = Buffer.alloc(MIB);
      for (let left = bavail * bsize - leaveBytes; left > 0; left -= block.length) {
        await ballast.write(block, 0, Math.min(block.length, left));
      }
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    } finally {
      await ballast.close();
    }
  }

  /** On disk when it returns: a power cut soon after must not bring the ballast back. */
  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
    const folder = await open(this.mountPoint, "r");
    await folder.sync().finally(() => folder.close());
  }

  /** Process ids that have a file or their working folder on the disk. */
  async holders(): Promise<readonly number[]> {
    const inside = (path: string): boolean => path === this.mountPoint || path.startsWith(`${this.mountPoint}/`);
    const found: number[] = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      const handles = (await readdir(`/proc/${pid}/fd`).catch(() => [])).map((fd) => `/proc/${pid}/fd/${fd}`);
      const links = await Promise.all([...handles, `/proc/${pid}/cwd`].map((link) => readlink(link).catch(() => "")));
      if (links.some(inside) && Number(pid) !== process.pid) found.push(Number(pid));
    }
    return found;
  }

  /** Puts what is on the disk back into the folder where `keep` says so, and removes the disk. */
  async destroy(options: { readonly keep: boolean }): Promise<void> {
    if (options.keep) {
      await this.free();
      const saved = `${this.#image}.saved`;
      await cp(this.mountPoint, saved, { recursive: true, preserveTimestamps: true });
      await this.#unmount();
      await cp(saved, this.mountPoint, { recursive: true, preserveTimestamps: true });
      await rm(saved, { recursive: true, force: true });
    } else await this.#unmount();
    await rm(this.#image, { force: true });
  }

  get #ballast(): string {
    return join(this.mountPoint, ".ballast");
  }

  async #mount(at: string): Promise<void> {
    const device = (await runProgram("losetup", "--find", "--show", this.#image)).trim();
    try {
      await runProgram("mount", "-t", "ext4", "-o", "noatime", device, at);
    } finally {
      // It goes when the last mount of it goes.
      await runProgram("losetup", "--detach", device);
    }
  }

  // Who was killed a moment ago may still be letting go.
  async #unmount(): Promise<void> {
    const unmounted = () => runProgram("umount", this.mountPoint).then(() => true);
    await eventually(unmounted, { timeoutMs: 20_000, intervalMs: 100, what: `the unmounting of ${this.mountPoint}` });
  }
}

let reason: Promise<string | undefined> | undefined;

/** Why disks cannot be made here, found out by making one; undefined where they can. */
export function whyNoDisks(): Promise<string | undefined> {
  reason ??= tryDisk();
  return reason;
}

async function tryDisk(): Promise<string | undefined> {
  if (process.platform !== "linux") return "loop-mounted ext4 is a thing of Linux";
  if (process.getuid?.() !== 0) return "only root may mount a disk";
  const folder = await mkdtemp(join(tmpdir(), "triplane-disk-try-"));
  let disk: LoopDisk | undefined;
  try {
    disk = await LoopDisk.create(join(folder, "mount"), folder, 8);
    await disk.cut();
    await disk.remount();
    return undefined;
  } catch (error) {
    return `no disk could be made: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    await disk?.destroy({ keep: false }).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}
