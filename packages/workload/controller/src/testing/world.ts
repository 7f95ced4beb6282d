// A workspace for the controller's tests: generated keys, a policy, admissions and refusals that verify, a policy source in memory.
import {
  type AdmissionClaims,
  type Did,
  digestOf,
  formatAudience,
  generateSigningKey,
  type Op,
  type OpClaims,
  type RefusalClaims,
  type SigningKey,
  signingKeyFromSeed,
} from "@triplane/contract";
import { type LoadedPolicy, type Policy, policySchema } from "@triplane/policy";
import { buildAdmission, buildOp, buildRefusal, TEST_COMMIT, TEST_RID } from "@triplane/testkit";
import type { PolicySource } from "../ports.ts";

export const WORKSPACE = "w1";
export const AUDIENCE = { workspace: WORKSPACE, policyRid: TEST_RID } as const;
export const NEXT_COMMIT = "1123456789abcdef0123456789abcdef01234567";

export const PEOPLE = ["ana", "ana-sealed", "ben", "ben-sealed", "scout", "keeper", "controller", "stranger"] as const;
export type Person = (typeof PEOPLE)[number];
/** Seeds as hex, so that a child process can have the same keys. */
export type Seeds = Readonly<Record<Person, string>>;

export function newSeeds(): Seeds {
  const seed = (): string => Buffer.from(generateSigningKey().seed).toString("hex");
  return Object.fromEntries(PEOPLE.map((person) => [person, seed()])) as Record<Person, string>;
}

export interface World {
  readonly keys: Readonly<Record<Person, SigningKey>>;
  readonly policy: Policy;
  op(claims?: Partial<OpClaims>, by?: Person): Op;
  admission(of: Op, claims?: Partial<AdmissionClaims>, by?: Person): string;
  /** Op and admission by a sealed key. */
  glass(of: Op, claims?: Partial<AdmissionClaims>, by?: Person): string;
  refusal(of: Op, claims?: Partial<RefusalClaims>, by?: Person): string;
}

/** Deploys and restarts are signed automatically; removals are denied; ana and ben may break the glass for the night's targets. */
export function world(seeds: Seeds = newSeeds()): World {
  const key = (person: Person): SigningKey => signingKeyFromSeed(Buffer.from(seeds[person], "hex"));
  const keys = Object.fromEntries(PEOPLE.map((person) => [person, key(person)])) as Record<Person, SigningKey>;
  const policy = policyOf(keys, 1);
  let seq = 0;
  return {
    keys,
    policy,
    op: (claims = {}, by = "ana") => {
      seq += 1;
      return buildOp({ seq, aud: formatAudience(AUDIENCE), op: "component.deploy", scope: "apps", ...claims }, { key: keys[by] }).op;
    },
    admission: (of, claims = {}, by = "keeper") =>
      buildAdmission(of, { policy: refOf(policy, TEST_COMMIT), rule: "routine", ...claims }, { key: keys[by] }).compact,
    glass: (of, claims = {}, by = "ana-sealed") =>
      buildAdmission(of, { policy: refOf(policy, TEST_COMMIT), rule: "night", basis: "break_glass", ...claims }, { key: keys[by] }).compact,
    refusal: (of, claims = {}, by = "keeper") =>
      buildRefusal(of, { policy: refOf(policy, TEST_COMMIT), code: "policy_denied", rule: "no-removals", ...claims }, { key: keys[by] })
        .compact,
  };
}

export function refOf(policy: Policy, commit: string): AdmissionClaims["policy"] {
  return { rid: TEST_RID, commit, digest: digestOf(JSON.stringify(policy)) };
}

export function policyOf(
  keys: Readonly<Record<Person, { readonly did: Did }>>,
  version: number,
  keepers: readonly Person[] = ["keeper"],
  /** Kinds that need no person. */
  automatic: readonly string[] = ["component.deploy", "component.restart"],
  changes: { readonly ratified?: readonly string[]; readonly break_glass?: readonly unknown[]; readonly review?: readonly unknown[] } = {},
): Policy {
  const operator = (principal: "ana" | "ben", may: readonly string[]) => ({
    principal,
    keys: [keys[principal].did],
    break_glass_keys: [keys[`${principal}-sealed`].did],
    groups: ["platform"],
    scopes: ["apps"],
    may,
  });
  return policySchema.parse({
    version: 1,
    workspace: WORKSPACE,
    policy_version: version,
    limits: { max_lifetime_s: 24 * 3600, clock_skew_s: 10 },
    operators: [operator("ana", ["Approve", "Admit"]), operator("ben", ["Approve"])],
    agents: [{ principal: "scout", keys: [keys.scout.did], owner: "ana", scopes: ["apps"], budget: { ops: 100, window_s: 3600 } }],
    break_glass: [{ id: "night", kinds: ["component.*"], targets: ["night-*"], ratify_within_s: 3600 }],
    keepers: keepers.map((name) => ({ name, keys: [keys[name].did] })),
    scopes: [{ name: "apps", kinds: ["component.*"], targets: ["*"] }],
    deny: [{ id: "no-removals", kinds: ["component.remove"], targets: ["*"], why: "removals are made elsewhere" }],
    auto_sign: [{ id: "routine", kinds: [...automatic], targets: ["*"] }],
    pins: { desired: { rid: TEST_RID, root: TEST_COMMIT }, state: { rid: TEST_RID, root: TEST_COMMIT }, controller: keys.controller.did },
    ...changes,
  });
}

/** A policy repository in memory: commits in order, the newest that is approved last. */
export interface TestSource extends PolicySource {
  add(commit: string, policy: Policy): void;
  /** What the next looks throw, until undefined. */
  failure: Error | undefined;
  /** Revision of the repository's identity. */
  identityRevision: string;
}

export function testSource(policy: Policy): TestSource {
  const commits: { readonly commit: string; readonly policy: Policy }[] = [{ commit: TEST_COMMIT, policy }];
  return {
    failure: undefined,
    identityRevision: "a".repeat(40),
    add(commit, next) {
      commits.push({ commit, policy: next });
    },
    async approvedHead() {
      if (this.failure !== undefined) throw this.failure;
      return { commit: commits.at(-1)?.commit ?? "", identityRevision: this.identityRevision };
    },
    async isApprovedStep(commit, head) {
      const at = commits.findIndex((each) => each.commit === commit);
      return at >= 0 && at <= commits.findIndex((each) => each.commit === head);
    },
    async load(commit): Promise<LoadedPolicy> {
      const found = commits.find((each) => each.commit === commit);
      if (found === undefined) throw new Error(`no commit ${commit}`);
      return { policy: found.policy, digest: refOf(found.policy, commit).digest, files: new Map() };
    },
  };
}
