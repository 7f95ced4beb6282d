// Which test files there are, in the order in which they run: what is quick first.
import { glob } from "node:fs/promises";

export interface TestGroup {
  readonly name: string;
  readonly patterns: readonly string[];
  /** For one file. */
  readonly deadlineMs: number;
  /** Files at once; undefined = one for each core. */
  readonly concurrency: number | undefined;
}

export const GROUPS: readonly TestGroup[] = [
  {
    name: "pure",
    patterns: ["packages/{contract,kit,nickel,policy}/src/**/*.test.ts", "tools/**/*.test.ts"],
    deadlineMs: 180_000,
    concurrency: undefined,
  },
  {
    name: "with real git, NATS and SurrealDB",
    patterns: [
      "packages/{hcloud-sim,testkit,ledger,bus,store,submitter,radicle,governance,checker,cli}/src/**/*.test.ts",
      "packages/{signing,workload,ci}/*/src/**/*.test.ts",
    ],
    deadlineMs: 400_000,
    concurrency: undefined,
  },
  {
    name: "end to end",
    patterns: [
      "test/!(single-consumer).test.ts",
      "test/{checker,e2e,fuzz,peer,pitfalls,secrets,simulation,verify-receipt}/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    deadlineMs: 900_000,
    concurrency: undefined,
  },
  // One at a time: each is a whole system of processes that is killed, cut off or hurried by the clock.
  {
    name: "end to end, under faults",
    patterns: ["test/{build,faults,torture}/**/*.test.ts", "test/single-consumer.test.ts"],
    deadlineMs: 900_000,
    concurrency: 1,
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
