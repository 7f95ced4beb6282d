// The public names of the Hetzner Cloud provider.
export { type HcloudOptions, hcloudProvider } from "./provider.ts";
export { HCLOUD_OPTIONS } from "./settings.ts";
