// triplane governance init: found a workspace that several people will govern, each with a key on their own machine.
import { assertWorkspace, generateSigningKey, type Signer, type SigningKey } from "@triplane/contract";
import { foundWorkspace, pushRepository } from "@triplane/governance";
import { ensurePrivateFolder, writeKeyFile } from "@triplane/kit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { didWords, type PinFile, pinWords } from "../../home/governance-file.ts";
import type { HomeLayout } from "../../home/layout.ts";
import { homeOption, layoutFor } from "../home-option.ts";
import { namedRemote, ownKey, ownKeyOption, principalOption, remoteOption, writeHome } from "./new-home.ts";
import { assertNoHome, siteOf } from "./site.ts";

export const governanceInit = defineCommand({
  description:
    "Makes the three repositories, your key, and the keys of the keeper and the controller, which move to their machines later. You are the only delegate until you add those who join: at least two have to agree on everything from then on. A workspace that one person decides in has to be asked for with --single-operator, and says so wherever it is shown.",
  args: z.strictObject({}),
  options: z.strictObject({
    workspace: text("NAME", "The workspace"),
    name: principalOption,
    remote: remoteOption.optional(),
    key: ownKeyOption,
    singleOperator: flag("One person alone decides; not for production"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane governance init --workspace acme --name ana --remote /srv/acme", what: "the founder's machine" },
    { command: "triplane governance init --workspace attic --name ana --single-operator", what: "a workspace of one person" },
  ],
  run: async ({ options }, context) => {
    const layout = layoutFor(options.home, context);
    await assertNoHome(layout);
    const workspace = assertWorkspace(options.workspace);
    const remote = options.remote === undefined ? undefined : namedRemote(options.remote, context);
    const key = await ownKey(options.key, layout, options.name, context);
    const [controller, keeper] = [generateSigningKey(), generateSigningKey()];
    await writeKeys(layout, { controller, keeper });
    const founding = { storageDir: layout.storage, workspace, founder: key, principal: options.name, controller, clock: context.clock };
    const repositories = await foundWorkspace(founding);
    const pin: PinFile = {
      format: "triplane-pin-1",
      workspace,
      single_operator: options.singleOperator,
      pins: { ...repositories, controller: controller.did },
    };
    const remotes = remote === undefined ? [] : [remote];
    await writeHome(layout, pin, { principal: options.name, did: key.did }, remotes, context);
    await pushAll(layout, pin, [key, controller], context, remotes);
    const { did } = key;
    return {
      home: layout.root,
      workspace,
      name: options.name,
      did,
      didWords: didWords(did),
      keeper: keeper.did,
      singleOperator: options.singleOperator,
      pin,
      pinWords: pinWords(pin),
    };
  },
  render: (made) =>
    [
      `Workspace ${made.workspace} is founded in ${made.home}`,
      ...(made.singleOperator ? ["SINGLE OPERATOR: one person alone decides here."] : []),
      "",
      facts([
        ["you", `${made.name}, ${made.did}`],
        ["policy", made.pin.pins.policy.rid],
        ["desired state", made.pin.pins.desired.rid],
        ["ledger", made.pin.pins.state.rid],
        ["controller", made.pin.pins.controller],
        ["keeper", made.keeper],
        ["pin, in words", made.pinWords],
      ]),
      "",
      ...(made.singleOperator
        ? ["Next: triplane governance checkout policy ./policy"]
        : [
            "Still missing: at least one more operator. Until then nothing that you approve counts for a keeper.",
            "  1. triplane governance pin > workspace.pin     give it to the others, and compare the words",
            "  2. they: triplane governance join workspace.pin --name NAME --remote URL",
            "  3. you:  triplane governance fetch; triplane governance delegates add DID… --threshold 2",
          ]),
      "The keys of keeper and controller lie in keys/: move each to its machine, and delete it here.",
    ].join("\n"),
});

async function writeKeys(layout: HomeLayout, keys: Readonly<Record<string, SigningKey>>): Promise<void> {
  await ensurePrivateFolder(layout.root);
  await ensurePrivateFolder(layout.keys);
  for (const [name, key] of Object.entries(keys)) await writeKeyFile(layout.keyFile(name), key);
}

async function pushAll(
  layout: HomeLayout,
  pin: PinFile,
  [key, controller]: readonly [Signer, Signer],
  context: CommandContext,
  remotes: Parameters<typeof siteOf>[3],
): Promise<void> {
  const site = siteOf(layout, pin, 1, remotes);
  for (const remote of remotes) {
    for (const name of ["policy", "desired"] as const) await pushRepository(site, name, remote, key.did, context);
    await pushRepository(site, "state", remote, controller.did, context);
  }
}
