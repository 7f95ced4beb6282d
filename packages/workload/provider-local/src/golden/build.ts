// Makes a golden root: packages of Debian, BuildKit, our own files; then its digest is its name.
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findTool } from "@triplane/kit";
import { digestTree } from "./digest.ts";
import { FINISH_VERSION, finishRoot } from "./finish.ts";
import { downloadPackages, unpackPackages } from "./packages.ts";
import { BASE_PACKAGES, checkRecipe, type GoldenRecipe, ownFiles } from "./recipe.ts";
import type { GoldenRecord, GoldenStore } from "./store.ts";

export interface GoldenBuild {
  readonly recipe: GoldenRecipe;
  /** Folder for downloaded packages; may be kept between builds. */
  readonly archives: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly nowS: number;
  readonly signal?: AbortSignal;
  say?(line: string): void;
}

/** Digest of what a root is made by, packages by their names: Debian's updates do not change it. */
export async function recipeId(recipe: GoldenRecipe, buildkitVersion: string): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([FINISH_VERSION, recipe, BASE_PACKAGES, buildkitVersion]));
  for (const { path, mode, content } of await ownFiles()) hash.update(`${path} ${mode}\n`).update(content);
  return hash.digest("hex");
}

/** Throws `tool_missing` without BuildKit, `provider_failed` where Debian's packages cannot be had. */
export async function buildGolden(store: GoldenStore, build: GoldenBuild): Promise<GoldenRecord> {
  checkRecipe(build.recipe);
  const say = (line: string): void => build.say?.(line);
  const [buildkitd, buildctl] = [await findTool("buildkitd"), await findTool("buildctl")];
  const folder = await store.begin();
  try {
    const root = join(folder, "root");
    say("Debian packages …");
    const packages = await downloadPackages(build.recipe, join(folder, "apt"), build.archives, build.signal);
    say(`${packages.length} packages are unpacked …`);
    await unpackPackages(packages, root, build.signal);
    await finishRoot(root, { programs: { buildkitd: buildkitd.path, buildctl: buildctl.path }, files: await ownFiles(), packages });
    await rm(join(folder, "apt"), { recursive: true });
    const digest = await digestTree(root);
    const record: GoldenRecord = {
      digest,
      created_at: build.nowS,
      platform: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
      recipe: await recipeId(build.recipe, buildkitd.version),
      labels: { ...build.labels },
    };
    await store.keep(folder, record);
    say(digest);
    return (await store.get(digest)) ?? record;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
