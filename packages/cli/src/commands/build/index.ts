// The commands of `triplane build`, one line each.
import { type Listing, listed } from "../../framework/listing.ts";

export const BUILD_COMMANDS: readonly Listing[] = [
  listed("build", "Build an image on a machine that lives as long as the build", () => import("./build.ts").then((module) => module.build)),
  listed("build token", "Make a token for whoever builds, or replace it", () => import("./token.ts").then((module) => module.buildToken)),
  listed("build leases", "Show the machines that are leased for builds", () => import("./leases.ts").then((module) => module.buildLeases)),
  listed("build sizing", "Show what builds of a repository needed, and the size that they get", () =>
    import("./sizing.ts").then((module) => module.buildSizing),
  ),
];
