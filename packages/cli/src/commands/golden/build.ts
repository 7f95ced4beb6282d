// triplane golden build: a golden image from nothing to current.
import { join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { releaseGolden } from "@triplane/golden";
import { cacheFolder } from "@triplane/kit";
import { DEFAULT_RECIPE } from "@triplane/provider-local";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { flag, list, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { type Recipes, withGolden } from "./open.ts";
import { PROVIDER_SHAPE, type ProviderOptions, REGISTRY_SHAPE } from "./options.ts";
import { changedData, contentsText, imageData, named, renderChanged } from "./render.ts";

const BUILD_SHAPE = {
  package: list("NAME", "A Debian package beside the ones that every runner has"),
  suite: text("NAME", "local: Debian's suite").default(DEFAULT_RECIPE.suite),
  mirror: text("URL", "local: Debian's archive").default(DEFAULT_RECIPE.mirror),
  securityMirror: text("URL", "local: Debian's archive of security updates").default(DEFAULT_RECIPE.securityMirror),
  archives: text("DIR", "local: folder for downloaded packages (default: triplane/debian in the user's cache)").optional(),
  baseImage: text("NAME", "hcloud: stock image that the builder is made from").default("debian-13"),
  buildkitUrl: text("URL", "hcloud: BuildKit's release archive for the platform").optional(),
  buildkitSha256: text("HEX", "hcloud: its SHA-256").optional(),
  keepCandidate: flag("Stop after the smoke build: `triplane golden promote` makes it current"),
} as const;

export const goldenBuild = defineCommand({
  description:
    "Builds an image, boots a canary from it, lets the canary build with its own BuildKit, lists what is in it, and makes it current; the image before it is kept to go back to, older ones are removed. What fails before that leaves the current image current, and nothing of the new one.\n\nThe list of contents (SPDX) goes to the registry's golden/ namespace as an OCI artifact; without --registry it is a file. local needs root; hcloud needs --buildkit-url and --buildkit-sha256.",
  args: z.strictObject({}),
  options: z.strictObject({ ...PROVIDER_SHAPE, ...REGISTRY_SHAPE, ...BUILD_SHAPE }),
  examples: [
    { command: "triplane golden build --provider local", what: "a golden root of this machine" },
    {
      command: "triplane golden build --provider local --registry https://registry.example --registry-token-file token",
      what: "with its list of contents in the registry",
    },
    {
      command:
        "triplane golden build --provider hcloud --token-file token --buildkit-url https://mirror.example/buildkit-v0.32.2.linux-amd64.tar.gz --buildkit-sha256 $(cat buildkit.sha256)",
      what: "a snapshot in Hetzner Cloud",
    },
  ],
  run: async ({ options }, context) => {
    const recipes = recipesOf(options, context);
    const released = await withGolden(
      options,
      context,
      (parts) => releaseGolden(parts, { promote: !options.keepCandidate }, context.signal),
      recipes,
    );
    const { version, packages, unchanged, promoted, swept } = released;
    const changed = changedData(released);
    return {
      ...{ version, packages, unchanged, promoted, swept },
      ...changed,
      // Without a promotion the flow's image is the candidate, and what it names previous is current still.
      ...(promoted || unchanged ? {} : { candidate: imageData(released.image), current: changed.previous, previous: undefined }),
    };
  },
  render: (data) => {
    if ("candidate" in data && data.candidate !== undefined)
      return facts([
        ["candidate", named(data.candidate)],
        ["current", data.current === undefined ? undefined : named(data.current)],
        ["contents", contentsText(data.contents)],
      ]);
    return renderChanged(data);
  },
});

/** Throws `usage` where a recipe is not whole. */
function recipesOf(options: ProviderOptions & BuildOptions, { env, cwd }: CommandContext): Recipes {
  const { suite, mirror, securityMirror, package: packages, baseImage, buildkitUrl: url, buildkitSha256: sha256 } = options;
  if (options.provider === "hcloud" && (url === undefined || sha256 === undefined))
    throw new TriplaneError("usage", "--provider hcloud needs --buildkit-url and --buildkit-sha256", {
      hint: "They name BuildKit's release archive for the platform; its digest is what `sha256sum` says of the file that you looked at.",
    });
  return {
    local: { suite, mirror, securityMirror, packages },
    archives: options.archives === undefined ? join(cacheFolder(env), "debian") : resolve(cwd, options.archives),
    hcloud: url === undefined || sha256 === undefined ? undefined : { baseImage, packages, buildkit: { url, sha256 } },
  };
}

type BuildOptions = z.output<z.ZodObject<typeof BUILD_SHAPE>>;
