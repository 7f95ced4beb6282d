// Which test files there are, in the order in which they run: what is quick first.
import { glob } from "node:fs/promises";

export interface TestGroup {
  readonly name: string;
  readonly patterns: readonly string[];
  /** For one file. */
  readonly deadlineMs: number;
}

/**
 * Files at once. Three on two cores: much of a test is waiting for a disk, a heartbeat, a process that comes up. Files of all groups may run beside
 * each other: each has folders, ports, ranges of addresses, network namespaces, loop devices and cgroups of its own, with names drawn at random.
 */
export function filesAtOnce(cores: number): number {
  return Math.ceil(cores * 1.5);
}

export const GROUPS: readonly TestGroup[] = [
  {
    name: "pure",
    patterns: ["packages/{contract,kit,nickel,policy}/src/**/*.test.ts", "tools/**/*.test.ts"],
    deadlineMs: 180_000,
  },
  {
    name: "with real git, NATS and SurrealDB",
    patterns: [
      "packages/{hcloud-sim,reflection,mcp,testkit,ledger,bus,store,submitter,radicle,governance,checker,cli}/src/**/*.test.ts",
      "packages/{signing,workload,ci}/*/src/**/*.test.ts",
    ],
    deadlineMs: 400_000,
  },
  {
    name: "end to end",
    patterns: [
      "test/!(single-consumer).test.ts",
      "test/{checker,e2e,fuzz,mcp,observability,peer,pitfalls,playbooks,reflection,schemas,secrets,simulation,verify-receipt}/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    deadlineMs: 900_000,
  },
  {
    name: "end to end, under faults",
    patterns: ["test/{faults,torture}/**/*.test.ts", "test/single-consumer.test.ts"],
    deadlineMs: 900_000,
  },
  // The last ones of these are short: at the end of a run nobody waits for one long file.
  {
    name: "builds, on runners",
    patterns: ["test/build/**/*.test.ts"],
    deadlineMs: 900_000,
  },
];

/** The files of a group whose path contains one of the filters; all of them without filters. */
export async function filesOf(group: TestGroup, root: string, filters: readonly string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const pattern of group.patterns) {
    for await (const file of glob(pattern, { cwd: root, exclude: (name) => name === "node_modules" })) files.add(file);
  }
  return [...files].filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter))).sort();
}
