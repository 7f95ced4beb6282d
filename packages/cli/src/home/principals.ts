// The two policy files that hold this workspace's own facts: who holds which key, and what is pinned. Rendered as data.
import { type Did, TriplaneError } from "@triplane/contract";
import { EnumTag, type NickelValue, writeNickelLines } from "@triplane/nickel";
import { z } from "zod";

/** people.ncl beside the policy: who there is and what each may do, without keys. */
export const peopleSchema = z.strictObject({
  operators: z
    .array(
      z.strictObject({
        principal: z.string(),
        groups: z.array(z.string()),
        scopes: z.array(z.string()),
        may: z.array(z.enum(["Approve", "Admit"])),
      }),
    )
    .min(2),
  automations: z.array(z.strictObject({ principal: z.string(), scopes: z.array(z.string()) })),
  agents: z.array(
    z.strictObject({
      principal: z.string(),
      owner: z.string(),
      scopes: z.array(z.string()),
      budget: z.strictObject({ ops: z.int(), window_s: z.int() }),
      expires: z.string().optional(),
    }),
  ),
  keepers: z.array(z.strictObject({ name: z.string() })).min(1),
});
export type People = z.infer<typeof peopleSchema>;

export interface PolicyPins {
  readonly desired: { readonly rid: string; readonly root: string };
  readonly state: { readonly rid: string; readonly root: string };
  readonly controller: Did;
}

/** Text of principals.ncl. `didOf` gives the key of a principal or keeper. */
export function renderPrincipals(people: People, didOf: (name: string) => Did): string {
  const keyed = <T extends { readonly principal: string }>(entries: readonly T[]) =>
    entries.map((entry) => ({ ...entry, keys: [didOf(entry.principal)] }));
  return [
    "# Who holds which key. Written by `triplane init`; from then on it changes as the policy does: approved by M operators.",
    renderRecord({
      operators: keyed(people.operators).map((entry) => ({ ...entry, may: entry.may.map((right) => new EnumTag(right)) })),
      automations: keyed(people.automations),
      agents: keyed(people.agents),
      keepers: people.keepers.map((keeper) => ({ ...keeper, keys: [didOf(keeper.name)] })),
    }),
    "",
  ].join("\n");
}

/** Text of pins.ncl. */
export function renderPins(pins: PolicyPins): string {
  return [
    "# What this policy governs: the repositories of desired state and ledger, and the controller's key. Written by `triplane init`.",
    renderRecord({ pins }),
    "",
  ].join("\n");
}

function renderRecord(record: object): string {
  assertPlain(record);
  return writeNickelLines(record);
}

/** Names, DIDs, RIDs, commit ids, tags and numbers only: nothing that would need an escape may come in here. */
function assertPlain(value: unknown): asserts value is NickelValue {
  if (value instanceof EnumTag || typeof value === "number") return;
  if (typeof value === "object" && value !== null) for (const member of Object.values(value)) assertPlain(member);
  else if (typeof value !== "string" || !/^[A-Za-z0-9:._-]+$/.test(value))
    throw new TriplaneError("internal", `${JSON.stringify(value)} may not be written into a policy file`);
}
