// triplane check invariants: the independent checker, on the workspace of a home.
import { join } from "node:path";
import type { Report } from "@triplane/checker";
import { INVARIANTS, type InvariantId, TriplaneError } from "@triplane/contract";
import { toolOrName } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { PRODUCT_ROOT } from "../../home/layout.ts";
import { homeOption, openHome } from "../home-option.ts";
import { renderReport } from "./render.ts";

const PROGRAM = join(PRODUCT_ROOT, "packages", "cli", "bin", "triplane.mjs");

export const checkInvariantsCommand = defineCommand({
  description:
    "Reads streams, databases, ledger, policy, outboxes, processes and configuration for itself: it shares no code with what it checks but the wire formats. It changes nothing, and works while the workspace runs and when it is down; what cannot be read then is not checkable, which is never the same as holding.\n\nExit code 1 if an invariant is violated; 3 with --strict if one is not checkable.",
  args: z.strictObject({}),
  options: z.strictObject({
    home: homeOption,
    only: text("ID,…", "Only these invariants, by their ids").optional(),
    quiesced: flag("Nothing may be on its way any more: what still is counts as a violation"),
    strict: flag("Exit code 3 if an invariant is not checkable"),
  }),
  examples: [
    { command: "triplane check invariants", what: "each invariant with what was looked at" },
    { command: "triplane check invariants --quiesced --json", what: "after a test, for a script" },
    { command: "triplane check invariants --only applied-once,every-command-lands", what: "two of them" },
  ],
  run: async ({ options }, context) => {
    const { layout } = await openHome(options.home, context);
    const { checkInvariants } = await import("@triplane/checker");
    const report = await checkInvariants({
      home: layout.root,
      quiesced: options.quiesced,
      triplane: [process.execPath, PROGRAM],
      nickel: await toolOrName("nickel"),
      ...(options.only === undefined ? {} : { only: idsOf(options.only) }),
    });
    return { ...report, strict: options.strict };
  },
  render: renderReport,
  failed: (report) => !report.ok,
  undecided: (report: Report & { readonly strict: boolean }) => report.strict && report.notCheckable.length > 0,
});

function idsOf(list: string): readonly InvariantId[] {
  const isId = (name: string): name is InvariantId => Object.hasOwn(INVARIANTS, name);
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !isId(name));
  if (unknown.length > 0)
    throw new TriplaneError("usage", `no invariant is called ${unknown.join(", ")}`, {
      hint: `There are: ${Object.keys(INVARIANTS).join(", ")}.`,
    });
  return names.filter(isId);
}
