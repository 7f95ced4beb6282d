// What runc is told of a runner: its namespaces, its mounts, what its root may do. (OCI runtime specification 1.0.2)
//
// 1. The runner's root is the machine's root with fewer rights: it keeps what buildkitd and runc need (SYS_ADMIN above all), and loses the clock,
//    kernel modules, raw devices, the machine's network and its log.
// 2. The network namespace has no interface of the machine; the pid, mount, uts, ipc and cgroup namespaces are its own.

export interface ContainerInput {
  readonly hostName: string;
  /** Absolute path of the cgroup as runc sees it. */
  readonly cgroup: string;
  /** Folder of the machine for /var/lib/buildkit: overlays do not lie on overlays. */
  readonly buildkitFolder: string;
  /** What its root may do: `CAP_…`. */
  readonly capabilities: readonly string[];
}

export function containerConfig(input: ContainerInput) {
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/usr/libexec/triplane/runner-init"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"],
      cwd: "/",
      capabilities: { bounding: input.capabilities, effective: input.capabilities, permitted: input.capabilities },
      noNewPrivileges: false,
    },
    root: { path: "root", readonly: false },
    hostname: input.hostName,
    mounts: [
      mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
      mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=1m"]),
      mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
      mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]),
      mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
      mount("/run", "tmpfs", "tmpfs", ["nosuid", "nodev", "mode=755", "size=64m"]),
      mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "rw"]),
      mount("/var/lib/buildkit", "none", input.buildkitFolder, ["bind", "rw"]),
    ],
    linux: {
      cgroupsPath: input.cgroup,
      // The devices that every container has come with runc; no other one may be opened.
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
      maskedPaths: [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

function mount(destination: string, type: string, source: string, options: readonly string[]) {
  return { destination, type, source, options };
}
