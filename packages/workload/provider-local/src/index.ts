// The public names of provider-local.

export { defaultGoldenFolder, defaultRunnersFolder } from "./folders.ts";
export { localGoldenImages } from "./golden/images.ts";
export { DEFAULT_RECIPE, type GoldenRecipe } from "./golden/recipe.ts";
export { GoldenStore } from "./golden/store.ts";
export { clientNeeds, goldenNeeds, runnerNeeds } from "./needs.ts";
export { openLocalProvider } from "./provider.ts";
export type { LocalSettings, RunnerSize } from "./settings.ts";
