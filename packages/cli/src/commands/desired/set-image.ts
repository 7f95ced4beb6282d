// triplane desired set-image: what a pipeline runs after it pushed an image.
import { resolve } from "node:path";
import { parseImage, type Signer, TARGET_PATTERN, TriplaneError } from "@triplane/contract";
import {
  fetchRepository,
  type ImageSet,
  pushRepository,
  type Remote,
  setImage,
  type UpdateStanding,
  updateStanding,
} from "@triplane/governance";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { openSigner } from "../../people/signer.ts";
import { type OpenSite, openSigningSite, openSite, reviewOptions, signingOptions } from "../governance/site.ts";

/** Others may put something on the desired state at the same moment. */
const MAX_TRIES = 3;

export const desiredSetImage = defineCommand({
  description:
    "Fetches, changes the image of one component in the approved desired state, checks that a rule of the policy (image_updates) lets this key do it, signs the commit as the key's own head, and pushes it. Nothing but the digest changes. Whether it counts at once or waits for people is the rule's to say; every reader judges it again. Exit code 0 also where it waits.",
  args: z.strictObject({
    component: z
      .string()
      .regex(TARGET_PATTERN, "must be a component's name")
      .meta({ description: "The component, by its name in desired.ncl", placeholder: "COMPONENT" }),
    image: z
      .string()
      .refine((given) => parseImage(given) !== undefined, "must be an image by digest: registry/repository@sha256:…")
      .meta({ description: "registry/repository@sha256:digest, without a tag", placeholder: "IMAGE" }),
  }),
  options: z.strictObject({
    setting: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,31}$/, "must be a setting's name")
      .default("image")
      .meta({ description: "The setting that holds it (default: image)", placeholder: "NAME" }),
    reason: text("TEXT", "Where it comes from, on one line: a link to the build").optional(),
    quiet: flag("Print only the commit"),
    ...signingOptions,
  }),
  examples: [
    {
      command: "triplane desired set-image web registry.example.org/team/web@sha256:… --key /run/secrets/ci.json --home ./governance",
      what: "in a pipeline, on a clone made with `triplane governance clone`",
    },
  ],
  run: async ({ args, options }, context) => {
    const { open, key } = await withKey(options, context);
    const { site } = open;
    const { clock } = context;
    const order = { key, clock, target: args.component, setting: options.setting, image: args.image, reason: options.reason };
    for (let attempt = 1; ; attempt += 1) {
      await fetchAll(open, key, context);
      const made = await setImage(site, { ...order, checkDesired: reviewOptions(site, context).checkDesired });
      if (made.unchanged) return { quiet: options.quiet, ...made, standing: "accepted" as const, missing: 0 };
      for (const remote of remotesOf(open)) await pushRepository(site, "desired", remote, key.did, context);
      await fetchAll(open, key, context);
      const { standing, missing, proposal } = await updateStanding(site, made.commit);
      if (standing !== "overtaken") return { quiet: options.quiet, ...made, standing, missing, id: proposal?.id };
      context.progress(`something else was put on the desired state meanwhile; trying again (${attempt} of ${MAX_TRIES})`);
      if (attempt === MAX_TRIES)
        throw new TriplaneError("proposal_outdated", `${made.commit} was overtaken ${MAX_TRIES} times`, {
          hint: "Run it again; two pipelines at once with one rule take turns.",
        });
    }
  },
  render: (made) => (made.quiet ? made.commit : renderSet(made)),
});

function renderSet(made: ImageSet & Pick<UpdateStanding, "standing" | "missing">): string {
  if (made.unchanged) return `Nothing to do: ${made.commit.slice(0, 12)} has this image already.`;
  const lines = made.changes.map(({ target, from, to }) => `${target}: ${from} → ${to.slice(to.indexOf("@") + 1)}`);
  const said =
    made.standing === "accepted"
      ? `${made.principal} put ${made.commit.slice(0, 12)} on the desired state under the rule ${made.rule}; it counts.`
      : `${made.principal} proposed ${made.commit.slice(0, 12)} under the rule ${made.rule}; ${made.missing} more to approve it: triplane governance show ${made.commit.slice(0, 12)}`;
  return [...lines, said].join("\n");
}

async function withKey(
  options: { readonly key?: string | undefined; readonly as?: string | undefined; readonly home?: string | undefined },
  context: CommandContext,
): Promise<{ readonly open: OpenSite; readonly key: Signer }> {
  const given = options.key ?? context.env["TRIPLANE_KEY"];
  if (given !== undefined)
    return { open: await openSite(options.home, context), key: await openSigner(given, (file) => resolve(context.cwd, file), context) };
  const open = await openSigningSite(options, context);
  return { open, key: open.key };
}

/** A local workspace has none: everything is written where it is read. */
function remotesOf({ kind, site }: OpenSite): readonly Remote[] {
  if (kind !== "local" && site.remotes.length === 0) throw new TriplaneError("usage", "this home has no remote");
  return site.remotes;
}

/** The key may be used on other machines before: what it signed there comes in as everybody's does. */
async function fetchAll(open: OpenSite, key: Signer, context: CommandContext): Promise<void> {
  for (const remote of remotesOf(open))
    for (const name of ["policy", "desired"] as const) {
      const { taken } = await fetchRepository(open.site, name, remote, context);
      const refused = taken.find(({ did, result }) => did === key.did && result === "refused");
      if (refused?.failure !== undefined) throw refused.failure;
    }
}
