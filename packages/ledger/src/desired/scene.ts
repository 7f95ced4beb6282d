// For tests: a desired state of three people, one of them with two keys, and two automations that may change images by rules.
import { generateSigningKey, type SigningKey } from "@triplane/contract";
import { type LoadedPolicy, loadPolicy } from "@triplane/policy";
import { openNamespace } from "../radicle/namespaces.ts";
import { type CreatedRepository, commitFiles, createRepository, pushHead } from "../radicle/repository.ts";
import { verifyRepository } from "../radicle/verify.ts";
import { manualClock, temporaryFolder } from "../testing.ts";
import { approvedDesiredHead, type DesiredHead } from "./desired-head.ts";

const NAMES = ["ana", "anaPhone", "ben", "cleo", "ci", "nightly"] as const;
export type Name = (typeof NAMES)[number];

export const REPOSITORY = "reg.example/team/web";
export const image = (digit: string, repository = REPOSITORY): string => `${repository}@sha256:${digit.repeat(64)}`;

export const RULES = `[
  { id = "web-images", automations = ["ci"], targets = ["web"], settings = ["image"], images = ["reg.example/team/*"], approvals = 1, max_ahead = 3 },
  { id = "staging-images", automations = ["ci", "nightly"], targets = ["staging"], settings = ["image"], images = ["reg.example/team/*"], approvals = 0, max_ahead = 3 },
]`;

export interface Scene {
  readonly repo: CreatedRepository;
  readonly keys: Readonly<Record<Name, SigningKey>>;
  policy(rules?: string, ci?: SigningKey): LoadedPolicy;
  /** The approved desired state that everything begins with. */
  readonly first: string;
  write(files: Readonly<Record<string, string>>, parent?: string, by?: Name): Promise<string>;
  vote(commit: string, ...voters: readonly Name[]): Promise<void>;
  head(policy?: LoadedPolicy, last?: string): Promise<DesiredHead>;
}

/** Images of web and staging, and whatever else is put after them. */
export function desired(web: string, staging: string, more = ""): Readonly<Record<string, string>> {
  const component = (name: string, ref: string): string => `  # what ${name} runs
    { name = "${name}", component = "release", replicas = 1, settings = { image = "${ref}", mode = "blue" } },`;
  return {
    "desired.ncl": `{ version = 1, workspace = "w1", components = [\n  ${component("web", web)}\n  ${component("staging", staging)}${more}\n] }\n`,
  };
}

/** `delegates`: who has a seat; the others have a namespace of their own. */
export async function scene(delegates: readonly Name[] = ["ana", "anaPhone", "ben", "cleo"], threshold = 2): Promise<Scene> {
  const keys = Object.fromEntries(NAMES.map((name) => [name, generateSigningKey()])) as Record<Name, SigningKey>;
  const clock = manualClock();
  const board = delegates.map((name) => keys[name]);
  const spec = {
    storageDir: await temporaryFolder(),
    name: "w1-desired",
    description: "",
    founder: keys.ana,
    delegates: board,
    threshold,
    clock,
  };
  const repo = await createRepository(spec);
  const { identity } = await verifyRepository(repo.repoDir, repo);
  for (const name of NAMES)
    if (!delegates.includes(name)) await openNamespace({ repo: repo.repoDir, key: keys[name], clock }, repo, identity.revision, new Map());
  const write: Scene["write"] = (files, parent, by = "ana") =>
    commitFiles({ repo: repo.repoDir, key: keys[by], parent, files, message: "Change", timeS: 1 });
  const vote: Scene["vote"] = async (commit, ...voters) => {
    for (const name of voters) await pushHead({ repo: repo.repoDir, key: keys[name], branch: "main", commit, clock });
  };
  const policies = new Map<string, LoadedPolicy>();
  const policy: Scene["policy"] = (rules = RULES, ci = keys.ci) => {
    const known = policies.get(rules + ci.did) ?? loadPolicy(new Map([["keeper_policy.ncl", policyText({ ...keys, ci }, rules)]]));
    policies.set(rules + ci.did, known);
    return known;
  };
  const first = await write(desired(image("1"), image("2")));
  await vote(first, "ana", "ben");
  const head: Scene["head"] = (loaded = policy(), last) =>
    approvedDesiredHead(repo.repoDir, repo, {
      policy: loaded.policy,
      minThreshold: 2,
      last: last === undefined ? undefined : { commit: last, identityRevision: undefined },
    });
  return { repo, keys, policy, first, write, vote, head };
}

function policyText(keys: Readonly<Record<Name, SigningKey>>, rules: string): string {
  const pin = `{ rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" }`;
  const list = (...names: readonly Name[]): string => `[${names.map((name) => `"${keys[name].did}"`).join(", ")}]`;
  const operator = (principal: string, own: string): string =>
    `{ principal = "${principal}", keys = ${own}, groups = [], scopes = ["all"], may = ['Approve] }`;
  return `{
    version = 1, workspace = "w1", policy_version = 1, limits = { max_lifetime_s = 600, clock_skew_s = 5 },
    operators = [${operator("ana", list("ana", "anaPhone"))}, ${operator("ben", list("ben"))}, ${operator("cleo", list("cleo"))}],
    automations = [
      { principal = "ci", keys = ${list("ci")}, scopes = ["all"] },
      { principal = "nightly", keys = ${list("nightly")}, scopes = ["all"] },
    ],
    scopes = [{ name = "all", kinds = ["*"], targets = ["*"] }],
    image_updates = ${rules},
    pins = { desired = ${pin}, state = ${pin}, controller = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK" },
  }`;
}
