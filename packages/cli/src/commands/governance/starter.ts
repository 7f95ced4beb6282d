// The first policy and the first desired state of a governed workspace: a place to start from, not a recommendation.
import { type Did, TriplaneError } from "@triplane/contract";
import type { Files, GovernedRepository } from "@triplane/governance";
import { readKeyFile } from "@triplane/kit";
import { renderPins, renderPrincipals } from "../../home/principals.ts";
import type { OpenSite } from "./site.ts";

const INTRODUCTIONS = "refs/heads/introductions/";

/** Throws `delegates_invalid` where a delegate has no name: names come from what each signed when they joined. */
export async function starterFiles(open: OpenSite, repository: GovernedRepository): Promise<Files> {
  if (repository.name === "desired") return new Map([["desired.ncl", desired(open.pin.workspace)]]);
  const names = new Map(repository.delegates.map((did) => [introducedName(repository, did), did] as const));
  const keeper = (await readKeyFile(open.layout.keyFile("keeper"))).did;
  const { pins } = open.pin;
  const operators = [...names.keys()].map((principal) => ({
    principal,
    groups: ["platform"],
    scopes: ["platform"],
    may: ["Approve", "Admit"] as ("Approve" | "Admit")[],
  }));
  const people = { operators, automations: [], agents: [], keepers: [{ name: "keeper" }] };
  const didOf = (name: string): Did => {
    const did = name === "keeper" ? keeper : names.get(name);
    if (did === undefined) throw new TriplaneError("internal", `no key of ${name}`);
    return did;
  };
  const pinOf = ({ rid, identityRoot }: { readonly rid: string; readonly identityRoot: string }) => ({ rid, root: identityRoot });
  return new Map([
    ["keeper_policy.ncl", policy(open.pin.workspace, Math.min(2, Math.max(1, operators.length - 1)))],
    ["pins.ncl", renderPins({ desired: pinOf(pins.desired), state: pinOf(pins.state), controller: pins.controller })],
    ["principals.ncl", renderPrincipals(people, didOf)],
  ]);
}

function introducedName(repository: GovernedRepository, did: Did): string {
  const ref = [...(repository.namespaces.get(did)?.keys() ?? [])].find((each) => each.startsWith(INTRODUCTIONS));
  if (ref === undefined)
    throw new TriplaneError("delegates_invalid", `${did} has not said what they are called`, {
      hint: "They run `triplane governance join` and push; then you fetch.",
    });
  return ref.slice(INTRODUCTIONS.length);
}

function policy(workspace: string, approvals: number): string {
  return `# The policy of ${workspace}: what is signed without a person, what people have to approve, what nobody may do.
# It is data and nothing else. Deny beats review beats auto-sign; what no rule lets through is refused.
(import "principals.ncl")
& (import "pins.ncl")
& {
  version = 1,
  workspace = "${workspace}",
  # Grows with every change.
  policy_version = 1,

  limits = {
    max_lifetime_s = 86400,
    clock_skew_s = 30,
    # A keeper that has not reached its source for an hour admits nothing.
    max_policy_age_s = 3600,
  },

  scopes = [
    { name = "platform", kinds = ["component.*", "desired.apply"], targets = ["*"] },
  ],

  review = [
    { id = "removal", kinds = ["component.remove"], targets = ["*"], approvals = ${approvals}, groups = ["platform"] },
    { id = "desired-by-hand", kinds = ["desired.apply"], targets = ["workspace"], approvals = ${approvals}, groups = ["platform"] },
  ],

  auto_sign = [
    { id = "routine", kinds = ["component.deploy", "component.restart", "component.scale"], targets = ["*"], issuers = ["any:operator"] },
  ],
}
`;
}

function desired(workspace: string): string {
  return `# The component instances that ${workspace} has.
{
  version = 1,
  workspace = "${workspace}",
  components = [],
}
`;
}
