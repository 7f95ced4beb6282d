// triplane keeper list: what waits for people.
import { listReviews } from "@triplane/keeper";
import { sleep } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { issuerText } from "../../framework/machine-text.ts";
import { duration } from "../../framework/parameters.ts";
import { span, table } from "../../framework/table.ts";
import { asOption } from "../../people/who.ts";
import { homeOption } from "../home-option.ts";
import { openPerson } from "../op/options.ts";
import { asReviewer, missingText } from "./options.ts";

const POLL_MS = 250;

export const keeperList = defineCommand({
  description: "Every op is verified here, and judged by the policy that this home's own clone of the policy repository proves.",
  args: z.strictObject({}),
  options: z.strictObject({
    as: asOption,
    waitFor: duration("Wait up to this long for something to review").optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane keeper list --as ben", what: "the open reviews as ben sees them" },
    { command: "triplane keeper list --as ben --wait-for 1h", what: "return as soon as there is something to review" },
    { command: "triplane keeper list --json", what: "the same as data" },
  ],
  run: async ({ options }, context) => {
    const person = await openPerson(options, context);
    const deadlineMs = context.clock.nowMs() + (options.waitFor ?? 0) * 1000;
    return await asReviewer(person, async (deps) => {
      for (;;) {
        const listed = await listReviews(deps);
        const nowMs = context.clock.nowMs();
        if (listed.reviews.length > 0 || nowMs >= deadlineMs || context.signal.aborted)
          return { ...listed, nowS: Math.floor(nowMs / 1000) };
        await sleep(POLL_MS, context.signal);
      }
    });
  },
  render: ({ reviews, unverifiable, nowS }) => {
    const odd = unverifiable === 0 ? "" : `\n${unverifiable} items of the review stream do not verify and are not shown.`;
    if (reviews.length === 0) return `Nothing waits for people.${odd}`;
    const rows = reviews.map((each) => [
      each.jti,
      issuerText(each, each.issuer),
      each.kind,
      each.target,
      missingText(each),
      span(each.closesAtS - nowS),
    ]);
    return table(["JTI", "ISSUER", "KIND", "TARGET", "STILL MISSING", "CLOSES IN"], rows) + odd;
  },
});
