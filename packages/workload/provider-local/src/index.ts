// The public names of provider-local.
export { buildGolden, type GoldenBuild } from "./golden/build.ts";
export { DEFAULT_RECIPE, type GoldenRecipe } from "./golden/recipe.ts";
export { GoldenStore, type GoldenRecord } from "./golden/store.ts";
export { goldenNeeds, runnerNeeds } from "./needs.ts";
export { openLocalProvider } from "./provider.ts";
export type { LocalSettings, RunnerSize } from "./settings.ts";
export { defaultGoldenFolder, defaultRunnersFolder } from "./folders.ts";
