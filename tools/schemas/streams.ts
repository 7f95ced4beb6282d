// The streams and consumers of the ops contract as functions of a workspace's name, in Nickel.
import { consumerSettings, streamSettings } from "@triplane/contract";
import { type NickelValue, writeNickelLines } from "@triplane/nickel";

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

function nickelOf(settings: object, indent: string): string {
  // As JSON has them: without what is undefined.
  const value: NickelValue = JSON.parse(JSON.stringify(settings));
  return writeNickelLines(value, indent).replaceAll(PLACEHOLDER, "%{workspace}");
}
