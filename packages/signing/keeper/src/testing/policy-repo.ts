// A real policy repository in a temporary folder, two of three operators deciding.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { nowSeconds, type SigningKey } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { commitFiles, createRepository, pushHead } from "@triplane/ledger";
import type { Policy } from "@triplane/policy";

export interface TestPolicyRepo {
  readonly rid: string;
  readonly identityRoot: string;
  readonly repoDir: string;
  /** Commits a policy that all three approve; returns the commit. */
  publish(policy: Policy): Promise<string>;
}

export async function policyRepo(folder: string, delegates: readonly [SigningKey, SigningKey, SigningKey]): Promise<TestPolicyRepo> {
  const storageDir = join(folder, "storage");
  await mkdir(storageDir, { recursive: true });
  const [founder] = delegates;
  const repo = await createRepository({
    storageDir,
    name: "policy-w1",
    description: "keeper policy",
    founder,
    delegates,
    threshold: 2,
    clock: systemClock,
  });
  let parent: string | undefined;
  return {
    ...repo,
    async publish(policy) {
      const files = { "keeper_policy.ncl": nickelOf(policy) };
      const timeS = nowSeconds(systemClock);
      const commit = await commitFiles({ repo: repo.repoDir, key: founder, parent, files, message: "Set the policy", timeS });
      for (const key of delegates) await pushHead({ repo: repo.repoDir, key, branch: "main", commit, clock: systemClock });
      parent = commit;
      return commit;
    },
  };
}

// Members whose strings are enum tags in a policy file.
const TAGS = new Set(["may", "days"]);

function nickelOf(value: unknown, isTag = false): string {
  if (Array.isArray(value)) return `[${value.map((item) => nickelOf(item, isTag)).join(", ")}]`;
  if (value === null || typeof value !== "object") return isTag ? `'${String(value)}` : JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)} = ${nickelOf(member, TAGS.has(key))}`)
    .join(", ")}}`;
}
