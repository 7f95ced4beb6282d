// triplane governance pin: what an outsider has to know of a workspace before they believe anything that calls itself it.
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { pinWords, renderPin } from "../../home/governance-file.ts";
import { governanceOptions, openSite } from "./site.ts";

export const governancePin = defineCommand({
  description:
    "Prints the repositories' ids, the root commits of their identities and the controller's key as JSON, and on standard error the words to compare. Hand it over by a way that the other side trusts; everything that is fetched later is held against it.",
  args: z.strictObject({}),
  options: z.strictObject(governanceOptions),
  examples: [
    { command: "triplane governance pin > acme.pin", what: "a file for auditors, keepers and new operators" },
    { command: "triplane governance pin --json", what: "the same" },
  ],
  run: async ({ options }, context) => {
    const { pin } = await openSite(options.home, context);
    context.progress(`words: ${pinWords(pin)}`);
    return pin;
  },
  render: renderPin,
});
