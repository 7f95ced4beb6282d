// The two policy files that hold this workspace's own facts: who holds which key, and what is pinned. Rendered as data.
import { type Did, TriplaneError } from "@triplane/contract";
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
      operators: keyed(people.operators).map((entry) => ({ ...entry, may: entry.may.map((right) => new Tag(right)) })),
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

/** An enum tag of Nickel, like 'Approve. */
class Tag {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

function renderRecord(record: object, indent = ""): string {
  const inner = `${indent}  `;
  const lines = Object.entries(record).map(([name, value]) => {
    if (!/^[a-z_]+$/.test(name)) throw new TriplaneError("internal", `${JSON.stringify(name)} is no field name of a policy`);
    return `${inner}${name} = ${renderValue(value, inner)},`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function renderValue(value: unknown, indent: string): string {
  if (value instanceof Tag) return `'${value.name}`;
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return renderString(value);
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === "string" || item instanceof Tag))
      return `[${value.map((item) => renderValue(item, indent)).join(", ")}]`;
    return `[\n${value.map((item) => `${indent}  ${renderValue(item, `${indent}  `)},`).join("\n")}\n${indent}]`;
  }
  if (typeof value === "object" && value !== null) return renderRecord(value, indent);
  throw new TriplaneError("internal", `a ${typeof value} has no place in a policy file`);
}

// Names, DIDs, RIDs and commit ids only: nothing that would need an escape may come in here.
function renderString(text: string): string {
  if (!/^[A-Za-z0-9:._-]+$/.test(text))
    throw new TriplaneError("internal", `${JSON.stringify(text)} may not be written into a policy file`);
  return `"${text}"`;
}
