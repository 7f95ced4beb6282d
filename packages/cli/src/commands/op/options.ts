// Arguments and options that the commands on ops share.
import { kindField, TARGET_PATTERN } from "@triplane/contract";
import { z } from "zod";
import type { CommandContext } from "../../framework/command.ts";
import { duration, list, text } from "../../framework/parameters.ts";
import { parseOpArguments } from "../../people/op-arguments.ts";
import { type OpWish, type Person, personAt } from "../../people/person.ts";
import { type ActorFlags, actorFor, asOption, keyOption } from "../../people/who.ts";
import { homeOption, openHome } from "../home-option.ts";

/** Lifetime of an op unless told otherwise; the policy has the last word. */
const DEFAULT_LIFETIME_S = 600;

export const wishArgs = z.strictObject({
  kind: kindField.meta({ description: "What to do, like component.deploy", placeholder: "KIND" }),
  target: z
    .string()
    .regex(TARGET_PATTERN, "must be a target's name")
    .meta({ description: "What to do it to, like web", placeholder: "TARGET" }),
});

export const wishOptions = {
  arg: list("KEY=VALUE", "An argument of the kind: replicas=2, component=web, settings.title=Hello"),
  as: asOption,
  key: keyOption,
  expiresIn: duration("How long the op is valid; the policy may give people longer to answer (default: 10m)").optional(),
  scope: text("NAME", "Granted scope to act under (default: the first that covers the op)").optional(),
  reason: text("TEXT", "Why; it goes into the ledger").optional(),
  home: homeOption,
};

export async function openPerson(options: ActorFlags & { readonly home?: string | undefined }, context: CommandContext): Promise<Person> {
  const { layout, workspace } = await openHome(options.home, context);
  return personAt(await actorFor(options, context, layout, workspace), layout, workspace, context);
}

export interface WishOptions {
  readonly arg: readonly string[];
  readonly expiresIn?: number | undefined;
  readonly scope?: string | undefined;
  readonly reason?: string | undefined;
}

export function wishFrom(args: z.output<typeof wishArgs>, options: WishOptions): OpWish {
  return {
    ...{ op: args.kind, target: args.target, args: parseOpArguments(options.arg) },
    ...{ scope: options.scope, reason: options.reason, expiresInS: options.expiresIn ?? DEFAULT_LIFETIME_S },
  };
}
