// triplane break-glass sign: an op and its admission by one sealed key. Nothing is sent.
import { join, resolve } from "node:path";
import { nowSeconds, TriplaneError } from "@triplane/contract";
import { breakGlass } from "@triplane/keeper";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { integer, text } from "../../framework/parameters.ts";
import { facts, span } from "../../framework/table.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { type OpWish, type Person, planOp } from "../../people/person.ts";
import { chooseScope, policyInForce } from "../../people/policy.ts";
import { openPerson, wishArgs, wishFrom, wishOptions } from "../op/options.ts";
import { nextNumber, usesInLedger } from "./files.ts";

export const breakGlassSign = defineCommand({
  description:
    "Signs an op and, with the same sealed key, its admission, where a break_glass rule of the approved policy lets that key act alone. It asks the orchestrator for the plan; with --at-version it asks nobody. Nothing happens yet: `triplane break-glass send` hands the file to the controller where only the keeper is gone, `triplane break-glass apply` applies it on the controller's machine where the broker is gone, too. The file is worth nothing after --expires-in.",
  args: wishArgs,
  options: z.strictObject({
    ...wishOptions,
    atVersion: integer("N", "Version of the target that you know, where the orchestrator does not answer; 0 for a new one", {
      min: 0,
      max: 999_999_999,
    }).optional(),
    number: integer("N", "Number of this op among those that the key broke the glass for (default: the next after ledger and files)", {
      min: 1,
      max: 999_999_999,
    }).optional(),
    out: text("FILE", "Where to write it (default: break-glass/JTI.jwt in the home)").optional(),
  }),
  examples: [
    {
      command: "triplane break-glass sign component.restart web --as ana --key /media/stick/ana-sealed --reason 'the shop is down'",
      what: "with a locked key from a stick",
    },
    {
      command: "triplane break-glass sign component.remove web --as ana --key ./sealed --at-version 7",
      what: "without asking the orchestrator",
    },
  ],
  run: async ({ args, options }, context) => {
    if (options.key === undefined && context.env["TRIPLANE_KEY"] === undefined)
      throw new TriplaneError("usage", "--key FILE is needed: the sealed key, which is none of the home's own");
    const person = await openPerson(options, context);
    const { layout, workspace } = person;
    const inForce = await policyInForce(layout, workspace);
    const wish = await draftOf(person, wishFrom(args, options), options.atVersion);
    const seq =
      options.number ?? (await nextNumber(person.key.did, layout, await usesInLedger(layout, workspace, nowSeconds(context.clock))));
    const key = await person.key.unlock();
    const made = breakGlass(
      { inForce, audience: audienceOf(workspace), key, clock: context.clock, random: context.random },
      { ...wish, seq },
    );
    const { jti, exp } = made.op.claims;
    if (options.out === undefined) await ensurePrivateFolder(layout.brokenGlass);
    const path = options.out === undefined ? join(layout.brokenGlass, `${jti}.jwt`) : resolve(context.cwd, options.out);
    if ((await readFileIfThere(path)) !== undefined) throw new TriplaneError("usage", `${path} exists`);
    await atomicWriteFile(path, `${made.admission}\n`);
    const { rule, ratifyWithinS, explanation } = made;
    return {
      jti,
      number: seq,
      principal: person.principal,
      kind: args.kind,
      target: args.target,
      rule,
      ratifyWithinS,
      expires: exp,
      path,
      explanation,
    };
  },
  render: (made) =>
    facts([
      ["op", `${made.jti}  ${made.kind} ${made.target}, number ${made.number}`],
      ["rule", `${made.rule}: ${made.principal} acts alone; to be ratified within ${span(made.ratifyWithinS)}`],
      ["file", made.path],
      ["next", `triplane break-glass send ${made.path}\ntriplane break-glass apply ${made.path}   (the broker is gone, too)`],
    ]),
});

async function draftOf(person: Person, wish: OpWish, version: number | undefined) {
  const { op, target, args, reason, expiresInS } = wish;
  if (version === undefined) {
    const { draft } = await planOp(person, wish);
    const { scope, expected_state_version, plan } = draft;
    return { op, target, args, reason, expiresInS, scope, expected_state_version, plan };
  }
  const scope = wish.scope ?? chooseScope(await policyInForce(person.layout, person.workspace), person.key.did, { op, target });
  return { op, target, args, reason, expiresInS, scope, expected_state_version: version };
}
