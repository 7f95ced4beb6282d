// triplane governance delegates: who governs, and how many of them decide.
import { type Did, isDid, TriplaneError } from "@triplane/contract";
import { acceptDelegates, type ChangedDelegates, changeDelegates } from "@triplane/governance";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, integer, list, oneOf } from "../../framework/parameters.ts";
import { openSigningSite, signingOptions } from "./site.ts";

const ACTIONS = ["add", "remove", "rotate", "accept", "threshold"] as const;

export const governanceDelegates = defineCommand({
  description:
    "add DID…, remove DID…, rotate OLD… NEW and threshold propose the change in both repositories, as one revision of the identity each, and sign it as yours; where the same change waits already, that one is signed, and where it is in force nothing is. The others accept it with accept ID…, until max(M, majority) of those who are delegates now have signed it; Radicle alone would ask for the majority only. A key is added only after its holder joined. A change that would leave the approved policy with too few signatures is refused: those who stay approve it first.",
  args: z.strictObject({
    action: oneOf(ACTIONS, "ACTION", "add, remove, rotate, accept or threshold"),
    what: list("DID|ID", "DIDs, or the ids of changes that wait (`triplane governance status` shows them)"),
  }),
  options: z.strictObject({
    threshold: integer("M", "How many have to agree from then on", { min: 1, max: 255 }).optional(),
    quiet: flag("Print only the ids of the changes"),
    ...signingOptions,
  }),
  examples: [
    { command: "triplane governance delegates add did:key:z6Mk… did:key:z6Mk… --threshold 2", what: "two more, and two decide" },
    { command: "triplane governance delegates rotate did:key:z6Mkold… did:key:z6Mknew…", what: "a new key in the place of an old one" },
    { command: "triplane governance delegates accept 3f9a1c22 81bb04ee", what: "agree to changes that wait" },
  ],
  run: async ({ args, options }, context) => {
    const { site, key, principal } = await openSigningSite(options, context);
    const signing = { key, clock: context.clock };
    const changes: ChangedDelegates[] = [];
    if (args.action === "accept") {
      if (args.what.length === 0) throw new TriplaneError("usage", "accept takes the ids of changes that wait");
      for (const id of args.what) changes.push(await acceptDelegates(site, id, signing));
    } else changes.push(...(await changeDelegates(site, { ...changeOf(args.action, args.what), threshold: options.threshold }, signing)));
    return { quiet: options.quiet, principal, changes };
  },
  render: ({ quiet, principal, changes }) =>
    quiet
      ? changes.map(({ revision }) => revision.slice(0, 12)).join(" ")
      : changes
          .map(({ repository, revision, inForce, delegates, threshold }) => {
            const what = `${repository}: ${threshold} of ${delegates.length} decide`;
            return inForce
              ? `${what}, in force`
              : `${what}, signed by ${principal} as ${revision.slice(0, 12)}; others accept it: triplane governance delegates accept ${revision.slice(0, 12)}`;
          })
          .join("\n"),
});

function changeOf(
  action: "add" | "remove" | "rotate" | "threshold",
  given: readonly string[],
): { readonly add: readonly Did[]; readonly remove: readonly Did[] } {
  const dids = given.map((each) => {
    if (!isDid(each)) throw new TriplaneError("usage", `${JSON.stringify(each.slice(0, 80))} is not the did:key of an Ed25519 key`);
    return each as Did;
  });
  if (action === "threshold" ? dids.length > 0 : dids.length === 0)
    throw new TriplaneError("usage", action === "threshold" ? "threshold takes --threshold M and no DIDs" : `${action} takes DIDs`);
  if (action === "rotate") {
    const [last, ...old] = dids.toReversed();
    if (last === undefined || old.length === 0) throw new TriplaneError("usage", "rotate takes the old DID, or several, and the new one");
    return { add: [last], remove: old };
  }
  return { add: action === "add" ? dids : [], remove: action === "remove" ? dids : [] };
}
