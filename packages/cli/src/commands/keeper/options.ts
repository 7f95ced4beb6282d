// What the keeper commands share: a reviewer's connection, and how a review reads.
import { type Digest, digestField, jtiField } from "@triplane/contract";
import type { ReviewSummary, SigningDeps } from "@triplane/keeper";
import { z } from "zod";
import { audienceOf } from "../../home/workspace-file.ts";
import { type Person, withSubmitter } from "../../people/person.ts";
import { policySource } from "../../people/policy.ts";
import { needsText, runsText } from "../op/wait-for.ts";

export const jtiArgs = z.strictObject({ jti: jtiField.meta({ description: "The op's id", placeholder: "JTI" }) });

export const digestOption = digestField
  .meta({ description: "Digest that you were shown; nothing is signed if the op is another one", placeholder: "DIGEST" })
  .optional() as z.ZodOptional<z.ZodType<Digest>>;

/** Reads and signs as this person, with the policy that their own clone proves. */
export async function asReviewer<T>(person: Person, work: (deps: SigningDeps) => Promise<T>): Promise<T> {
  const { layout, workspace, clock, random } = person;
  return await withSubmitter(person, (_, bus) =>
    work({ bus, audience: audienceOf(workspace), source: policySource(layout, workspace), clock, random }),
  );
}

/** What an op in review still waits for. */
export function missingText({ missing, unopposed }: Pick<ReviewSummary, "missing" | "unopposed">): string {
  if (unopposed === undefined) return missing.length === 0 ? "nothing" : needsText(missing);
  const early = unopposed.early.length === 0 ? "" : `, sooner if ${needsText(unopposed.early)}`;
  return `${runsText(unopposed.runsAtS, unopposed.groups)}${early}`;
}
