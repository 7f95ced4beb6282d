// Where the machine's cgroups are mounted: one hierarchy (version 2), or one for each controller (version 1).
import { readFile } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";

export interface Hierarchies {
  readonly version: 1 | 2;
  /** Mount point of each controller; for version 2 it is the same for all. */
  readonly controllers: ReadonlyMap<string, string>;
  /** All mount points in which runc may leave a folder. */
  readonly mountPoints: readonly string[];
}

const CONTROLLERS = ["memory", "pids", "cpu"] as const;

/** Reads /proc/self/mountinfo (proc(5)). Throws `provider_failed` where there is no memory controller. */
export function hierarchiesOf(mountInfo: string): Hierarchies {
  const mounts = mountInfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      return { mountPoint: before.split(" ")[4] ?? "", type: after.split(" ")[0] ?? "", options: (after.split(" ")[2] ?? "").split(",") };
    });
  const first = mounts.filter(({ type }) => type === "cgroup");
  const second = mounts.find(({ type }) => type === "cgroup2");
  const controllers = new Map<string, string>();
  for (const name of CONTROLLERS) {
    const at = first.find(({ options }) => options.includes(name));
    if (at !== undefined) controllers.set(name, at.mountPoint);
  }
  if (controllers.has("memory")) {
    return { version: 1, controllers, mountPoints: [...first.map(({ mountPoint }) => mountPoint), ...(second ? [second.mountPoint] : [])] };
  }
  if (second === undefined) throw new TriplaneError("provider_failed", "no cgroup hierarchy with memory limits is mounted");
  return { version: 2, controllers: new Map(CONTROLLERS.map((name) => [name, second.mountPoint])), mountPoints: [second.mountPoint] };
}

export async function readHierarchies(): Promise<Hierarchies> {
  return hierarchiesOf(await readFile("/proc/self/mountinfo", "utf8"));
}
