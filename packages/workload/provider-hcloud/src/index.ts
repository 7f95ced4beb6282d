// The public names of the Hetzner Cloud provider.
export { GOLDEN_POOL, type GoldenBuild, type GoldenImages, hcloudGoldenImages } from "./golden/images.ts";
export type { GoldenRecipe } from "./golden/recipe.ts";
export { type GoldenRelease, releaseGolden, rollBackGolden } from "./golden/release.ts";
export { type HcloudOptions, hcloudProvider } from "./provider.ts";
export { HCLOUD_OPTIONS } from "./settings.ts";
