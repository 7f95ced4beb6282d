// The public names of the Hetzner Cloud provider.
export { type HcloudImagesOptions, hcloudGoldenImages } from "./golden/images.ts";
export type { GoldenRecipe } from "./golden/recipe.ts";
export { type HcloudOptions, hcloudProvider } from "./provider.ts";
export { HCLOUD_OPTIONS } from "./settings.ts";
