// The streams and consumers of the ops contract as functions of a workspace's name, in Nickel.
import { consumerSettings, streamSettings } from "@triplane/contract";

/** Stands for the workspace while the settings are asked for; no setting holds it by itself. */
const PLACEHOLDER = "workspace-placeholder";

/** Fields for the record of ops_contract.ncl. */
export function streamFields(): string {
  return [
    "  # What JetStream holds for a workspace; times in nanoseconds, sizes in bytes, -1 and 0 are no limit.",
    `  streams_of = fun workspace => ${nickelOf(streamSettings(PLACEHOLDER), "  ")},`,
    `  consumers_of = fun workspace => ${nickelOf(consumerSettings(PLACEHOLDER), "  ")},`,
    "",
  ].join("\n");
}

function nickelOf(value: unknown, indent: string): string {
  const inner = `${indent}  `;
  if (typeof value === "string") return JSON.stringify(value).replaceAll("%", "\\%").replaceAll(PLACEHOLDER, "%{workspace}");
  if (Array.isArray(value)) return `[\n${value.map((item) => `${inner}${nickelOf(item, inner)},\n`).join("")}${indent}]`;
  if (typeof value === "object" && value !== null)
    return `{\n${Object.entries(value)
      .map(([name, member]) => `${inner}${name} = ${nickelOf(member, inner)},\n`)
      .join("")}${indent}}`;
  return String(value);
}
