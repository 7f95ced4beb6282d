// A golden root for tests, made once a week and kept in the user's cache; and why there are no runners where there are none.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { findTool, INSTALL_LOCK, withLock } from "@triplane/kit";
import { buildGolden, recipeId } from "../golden/build.ts";
import { DEFAULT_RECIPE } from "../golden/recipe.ts";
import { type GoldenRecord, GoldenStore } from "../golden/store.ts";
import { clientNeeds, goldenNeeds, runnerNeeds } from "../needs.ts";

export const TEST_GOLDEN_LABELS = { "managed-by": "triplane", golden: "current" } as const;

const FRESH_S = 7 * 24 * 3600;

/** What a test says when it is skipped; undefined where runners can be made. */
export async function whyNoRunners(): Promise<string | undefined> {
  const needs = [...new Set([...(await runnerNeeds()), ...(await clientNeeds()), ...(await goldenNeeds())])];
  return needs.length === 0 ? undefined : `RUNNERS ARE NOT TESTED, on this machine they need ${needs.join(", ")}`;
}

export interface TestGolden {
  readonly folder: string;
  readonly record: GoldenRecord;
}

export async function goldenForTests(env: NodeJS.ProcessEnv = process.env): Promise<TestGolden> {
  const cache = env["XDG_CACHE_HOME"];
  const base = join(cache !== undefined && isAbsolute(cache) ? cache : join(env["HOME"] ?? homedir(), ".cache"), "triplane");
  const store = new GoldenStore(join(base, "golden-for-tests"));
  // Test files run beside each other: the first makes it, the others wait.
  const record = await withLock(
    join(base, "golden-for-tests.lock"),
    INSTALL_LOCK,
    async () => (await fresh(store)) ?? (await make(store, base)),
  );
  return { folder: store.folder, record };
}

async function fresh(store: GoldenStore): Promise<GoldenRecord | undefined> {
  const recipe = await recipeId(DEFAULT_RECIPE, (await findTool("buildkitd")).version);
  const [newest, ...others] = (await store.list()).filter((record) => record.recipe === recipe);
  for (const record of others) await store.remove(record.digest);
  return newest !== undefined && Date.now() / 1000 - newest.created_at < FRESH_S ? newest : undefined;
}

async function make(store: GoldenStore, base: string): Promise<GoldenRecord> {
  const archives = join(base, "debian");
  const nowS = Math.floor(Date.now() / 1000);
  return await buildGolden(store, { recipe: DEFAULT_RECIPE, archives, labels: TEST_GOLDEN_LABELS, nowS });
}
