// triplane governance join and clone: a home on another machine, for somebody who governs too, or for somebody who only looks.
import { joinWorkspace, pushRepository } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { facts } from "../../framework/table.ts";
import { didWords, pinWords } from "../../home/governance-file.ts";
import { homeOption, layoutFor } from "../home-option.ts";
import { cloneInto, namedRemote, ownKey, ownKeyOption, principalOption, readPinFile, remoteOption, writeHome } from "./new-home.ts";
import { assertNoHome } from "./site.ts";

const pinArgument = text("PIN", "File with the pin, from somebody you trust (- reads standard input)");

export const governanceJoin = defineCommand({
  description:
    "Fetches the three repositories, verifies them against the pin, and signs refs of your own in policy and desired state: that shows the others that you hold the key whose DID you tell them. You have no vote until they add you. Tell them DID or words by a way that does not go through the remote: whoever can write there can call themselves by any name.",
  args: z.strictObject({ pin: pinArgument }),
  options: z.strictObject({
    name: principalOption,
    remote: remoteOption,
    key: ownKeyOption,
    quiet: flag("Print only the DID"),
    home: homeOption,
  }),
  examples: [{ command: "triplane governance join acme.pin --name ben --remote /srv/acme", what: "on ben's machine" }],
  run: async ({ args, options }, context) => {
    const layout = layoutFor(options.home, context);
    await assertNoHome(layout);
    const pin = await readPinFile(args.pin, context);
    const remote = namedRemote(options.remote, context);
    const site = await cloneInto(layout, pin, remote, context);
    const key = await ownKey(options.key, layout, options.name, context);
    await joinWorkspace(site, { key, principal: options.name, clock: context.clock });
    await writeHome(layout, pin, { principal: options.name, did: key.did }, [remote], context);
    for (const name of ["policy", "desired"] as const) await pushRepository(site, name, remote, key.did, context);
    return {
      quiet: options.quiet,
      home: layout.root,
      workspace: pin.workspace,
      name: options.name,
      did: key.did,
      didWords: didWords(key.did),
      pinWords: pinWords(pin),
    };
  },
  render: (made) =>
    made.quiet
      ? made.did
      : [
          `${made.name} has a home in ${made.home}, and no vote yet`,
          "",
          facts([
            ["your DID", made.did],
            ["in words", made.didWords],
            ["pin, in words", made.pinWords],
          ]),
          "",
          "Compare the pin's words with whoever gave it to you, and tell the operators your DID. They add you:",
          `  triplane governance fetch; triplane governance delegates add ${made.did}`,
        ].join("\n"),
});

export const governanceClone = defineCommand({
  description:
    "Fetches the three repositories and verifies them against the pin. The home has no key: it reads, verifies, simulates and shows.",
  args: z.strictObject({ pin: pinArgument }),
  options: z.strictObject({ remote: remoteOption, home: homeOption }),
  examples: [{ command: "triplane governance clone acme.pin --remote /srv/acme", what: "an auditor's copy" }],
  run: async ({ args, options }, context) => {
    const layout = layoutFor(options.home, context);
    await assertNoHome(layout);
    const pin = await readPinFile(args.pin, context);
    const remote = namedRemote(options.remote, context);
    await cloneInto(layout, pin, remote, context);
    await writeHome(layout, pin, undefined, [remote], context);
    return { home: layout.root, workspace: pin.workspace, storage: layout.storage, pinWords: pinWords(pin) };
  },
  render: (made) => [`A verified copy of ${made.workspace} is in ${made.home}`, `pin, in words: ${made.pinWords}`].join("\n"),
});
