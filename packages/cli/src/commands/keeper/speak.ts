// triplane keeper approve and reject: a person's signature over exactly the op that was shown.
import { approve, reject, type Spoken } from "@triplane/keeper";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { asOption, keyOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "../op/options.ts";
import { needsText } from "../op/wait-for.ts";
import { asReviewer, digestOption, jtiArgs, missingText } from "./options.ts";

const options = z.strictObject({
  as: asOption,
  key: keyOption,
  digest: digestOption,
  plan: digestOption,
  comment: text("TEXT", "Why; it goes into the ledger").optional(),
  home: homeOption,
});

type Words = z.output<typeof options>;

function spoken(given: Words, jti: string): { jti: string; comment?: string } & Record<string, unknown> {
  return {
    jti,
    ...(given.comment === undefined ? {} : { comment: given.comment }),
    ...(given.digest === undefined ? {} : { expectDigest: given.digest }),
    ...(given.plan === undefined ? {} : { expectPlan: given.plan }),
  };
}

function render(verb: string): (said: Spoken) => string {
  return (said) => {
    const then =
      said.verdict === "admit"
        ? "the keeper admits it now"
        : said.unopposed !== undefined
          ? missingText(said)
          : said.missing.length === 0
            ? "the keeper ends the review now"
            : `still missing: ${needsText(said.missing)}`;
    return `${verb} ${said.jti}; ${then}`;
  };
}

export const keeperApprove = defineCommand({
  description:
    "Signs the op's digest, its plan, its state version and the policy commit; the signature counts for nothing else. Refused before anything is sent if it would not count: your own op, a group that is not asked, an agent's owner.",
  args: jtiArgs,
  options,
  examples: [
    { command: "triplane keeper approve 0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b --as ben", what: "ben approves" },
    { command: "triplane keeper approve JTI --as cleo --digest sha256:…", what: "only if it is still the op that cleo read" },
  ],
  run: async ({ args, options: given }, context) => {
    const person = await openPerson(given, context);
    return await asReviewer(person, (deps) => approve(deps, { ...spoken(given, args.jti), key: person.key }));
  },
  render: render("approved"),
});

export const keeperReject = defineCommand({
  description:
    "One rejection by somebody who may approve ends the review; the op is refused with review_rejected. `triplane op cancel` withdraws an op of your own.",
  args: jtiArgs,
  options,
  examples: [{ command: "triplane keeper reject JTI --as ben --comment 'not before the backup'", what: "ben says no, and why" }],
  run: async ({ args, options: given }, context) => {
    const person = await openPerson(given, context);
    return await asReviewer(person, (deps) => reject(deps, { ...spoken(given, args.jti), key: person.key }));
  },
  render: render("rejected"),
});
