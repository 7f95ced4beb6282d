// PolicyDef, the Nickel contract of a policy, from the one schema in TypeScript. For people who write policies with nickel at hand.
import { z } from "zod";
import { policySchema } from "./schema.ts";

/** What of JSON Schema the policy's schema uses. */
interface Shape {
  readonly type?: string;
  readonly const?: number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
}

const HEAD = `# The shape of a keeper policy, as a Nickel contract:
#
#   let { PolicyDef } = import "schemas/lib/keeper_policy.ncl" in (import "keeper_policy.ncl") | PolicyDef
#
# Generated from packages/policy/src/schema.ts by \`npm run generate -w @triplane/policy\`; do not edit. A policy itself is data only (policy-files-are-declarative-only),
# so it does not import this file. \`triplane policy check\` checks all of this, and what a shape cannot say, without nickel.
let check = fun holds message => std.contract.from_validator (fun value => if holds value then 'Ok else 'Error { message = message }) in
let Matching = fun pattern => check (fun value => std.is_string value && std.string.is_match pattern value) "must match %{pattern}" in
let Text = fun least most =>
  check (fun value => std.is_string value && std.string.length value >= least && std.string.length value <= most)
    "must be a text of %{std.to_string least} to %{std.to_string most} characters"
in
let Integer = fun least most =>
  check (fun value => std.is_number value && std.number.is_integer value && value >= least && value <= most)
    "must be an integer from %{std.to_string least} to %{std.to_string most}"
in
let Items = fun least most =>
  check (fun value => std.is_array value && std.array.length value >= least && std.array.length value <= most)
    "must have %{std.to_string least} to %{std.to_string most} items"
in
`;

/** The text of provisioning/schemas/lib/keeper_policy.ncl. */
export function renderPolicyDef(): string {
  const shape = z.toJSONSchema(policySchema, { io: "input", unrepresentable: "any" }) as Shape;
  return `${HEAD}{\n  PolicyDef = ${contractsOf(shape, "  ").join(" | ")},\n}\n`;
}

/** The contracts that a shape amounts to; a value has to keep all of them. */
function contractsOf(shape: Shape, indent: string): readonly string[] {
  if (shape.const !== undefined) return [`(Integer ${shape.const} ${shape.const})`];
  if (shape.enum !== undefined) return [`[| ${shape.enum.map((tag) => `'${tag}`).join(", ")} |]`];
  if (shape.pattern !== undefined) return [`(Matching m%%%"${shape.pattern}"%%%)`];
  switch (shape.type) {
    case "string":
      return [`(Text ${shape.minLength ?? 0} ${shape.maxLength ?? Number.MAX_SAFE_INTEGER})`];
    case "integer":
      return [`(Integer ${shape.minimum ?? Number.MIN_SAFE_INTEGER} ${shape.maximum ?? Number.MAX_SAFE_INTEGER})`];
    case "array":
      return [...arrayOf(shape.items ?? {}, indent), `(Items ${shape.minItems ?? 0} ${shape.maxItems ?? Number.MAX_SAFE_INTEGER})`];
    case "object":
      return [recordOf(shape, indent)];
    default:
      throw new Error(`the policy's schema has a shape that PolicyDef cannot say: ${JSON.stringify(shape)}`);
  }
}

function arrayOf(items: Shape, indent: string): readonly string[] {
  return contractsOf(items, indent).map((contract) => `Array ${contract}`);
}

function recordOf(shape: Shape, indent: string): string {
  const inner = `${indent}  `;
  const fields = Object.entries(shape.properties ?? {}).map(([name, member]) => {
    const contracts = contractsOf(member, inner).join(" | ");
    return `${inner}${name} | ${contracts}${shape.required?.includes(name) === true ? "" : " | optional"},`;
  });
  return `{\n${fields.join("\n")}\n${indent}}`;
}
