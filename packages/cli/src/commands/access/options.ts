// What the access commands share.
import { PRINCIPAL_PATTERN } from "@triplane/contract";
import { z } from "zod";
import type { AccessChange } from "../../people/access.ts";

export const principalArgs = z.strictObject({
  name: z.string().regex(PRINCIPAL_PATTERN, "must be 1 to 32 lower-case letters, digits and inner hyphens").meta({
    description: "Principal: a person, an automation or an agent",
    placeholder: "NAME",
  }),
});

export function renderChange({ principal, added, removed, tried }: AccessChange): string {
  const what =
    added.length > 0
      ? `${principal} has access: ${added.join(", ")}`
      : `${principal} has no access: ${removed.join(", ") || "there was none"} taken away`;
  const then = tried ? "The server was told, and tried: it does as its configuration says." : "No server runs; the next one starts so.";
  return `${what}, and ${added.length > 0 ? "a new token" : "the token"}\n${then}`;
}
