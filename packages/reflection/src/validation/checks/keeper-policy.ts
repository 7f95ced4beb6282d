// validate-keeper-policy: the policy in force is data, sound, pinned to this workspace, and decides its cases as they say. Judgement only.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { readNickel } from "@triplane/nickel";
import { filesImporter, loadPolicy, type Policy, type PolicyFiles, testPolicy, weakestPaths } from "@triplane/policy";
import { check, counted, fail, type Judged, leftTo, listed, pass, type Source } from "../source.ts";

interface Pin {
  readonly rid: string;
  readonly identityRoot: string;
}

export interface PolicyFacts {
  readonly workspace: string;
  /** The approved commit. */
  readonly commit: string;
  readonly files: PolicyFiles;
  /** What this home has pinned. */
  readonly pins: { readonly desired: Pin; readonly state: Pin };
}

interface HasPolicy {
  readonly policy: Source<PolicyFacts>;
  nowS(): number;
}

const source = ({ policy }: HasPolicy): Source<PolicyFacts> => policy;
const DATA_ONLY = "policy-data-only";
const SOUND = "policy-sound";

function at({ commit }: PolicyFacts): string {
  return `policy commit ${commit.slice(0, 12)}`;
}

/** Files that compute something. Other faults are `policy-sound`'s. */
function computing(files: PolicyFiles): readonly string[] {
  const importer = filesImporter(files);
  return [...files.keys()]
    .filter((name) => name.endsWith(".ncl"))
    .flatMap((file) => {
      try {
        readNickel(importer(file) ?? "", { file, importer });
        return [];
      } catch (thrown) {
        const failure = toTriplaneError(thrown);
        return failure.code === "nickel_not_declarative" ? [failure.message] : [];
      }
    });
}

type Loaded = { readonly policy: Policy } | { readonly failure: TriplaneError };

function load({ files }: PolicyFacts): Loaded {
  try {
    return { policy: loadPolicy(files).policy };
  } catch (thrown) {
    return { failure: toTriplaneError(thrown) };
  }
}

/** Only for a policy that reads; for another one, says which check is about that. */
function ofSoundPolicy(facts: PolicyFacts, judge: (policy: Policy) => Judged): Judged {
  const loaded = load(facts);
  if ("policy" in loaded) return judge(loaded.policy);
  const other = loaded.failure.code === "nickel_not_declarative" ? DATA_ONLY : SOUND;
  return leftTo(other, "the policy does not read");
}

export const KEEPER_POLICY_CHECKS = [
  check({
    ...{ id: DATA_ONLY, invariant: "policy-files-are-declarative-only", source },
    what: "No file of the policy in force computes anything.",
    judge: (facts: PolicyFacts) => {
      const found = [...new Set(computing(facts.files))];
      const read = [...facts.files.keys()].filter((name) => name.endsWith(".ncl")).length;
      return found.length === 0
        ? pass(`${counted(read, "file")}, data only`, at(facts))
        : fail(
            listed(found),
            "Write the result instead of the computation, and have the change approved; until then keepers stay with the policy before.",
            at(facts),
          );
    },
  }),
  check({
    ...{ id: SOUND, invariant: "no-fail-open", source },
    what: "The policy in force has the schema of a policy and contradicts itself nowhere, as `triplane policy check` says.",
    judge: (facts: PolicyFacts) => {
      const loaded = load(facts);
      if ("failure" in loaded)
        return loaded.failure.code === "nickel_not_declarative"
          ? leftTo(DATA_ONLY, "the policy does not read")
          : fail(`${loaded.failure.message} (${loaded.failure.code})`, loaded.failure.hint, at(facts));
      const { deny, review, unopposed, auto_sign, policy_version } = loaded.policy;
      const rules = deny.length + review.length + unopposed.length + auto_sign.length;
      const weakest = weakestPaths(loaded.policy)[0];
      const path =
        weakest === undefined ? "" : `; the weakest path asks ${counted(weakest.people, "person", "people")}, by rule ${weakest.rule}`;
      return pass(`version ${policy_version}, ${counted(rules, "rule")}${path}`, at(facts));
    },
  }),
  check({
    ...{ id: "policy-pins", invariant: "chain-verified-at-every-hop", source },
    what: "The policy is this workspace's, and names the repositories of desired state and ledger that are pinned here.",
    judge: (facts: PolicyFacts) =>
      ofSoundPolicy(facts, ({ workspace, pins }) => {
        const problems = workspace === facts.workspace ? [] : [`it is the policy of ${workspace}`];
        for (const name of ["desired", "state"] as const) {
          const [theirs, ours] = [pins[name], facts.pins[name]];
          if (theirs.rid !== ours.rid || theirs.root !== ours.identityRoot)
            problems.push(
              `${name} is ${theirs.rid} from ${theirs.root.slice(0, 12)} on, pinned here is ${ours.rid} from ${ours.identityRoot.slice(0, 12)} on`,
            );
        }
        return problems.length === 0
          ? pass(`desired ${pins.desired.rid}, state ${pins.state.rid}`, at(facts))
          : fail(
              listed(problems),
              "Find out which of the two is wrong: compare `triplane governance pin` with somebody else's, by voice.",
              at(facts),
            );
      }),
  }),
  check({
    ...{ id: "policy-cases", invariant: "time-is-an-input", source },
    what: "The policy decides the cases of keeper_policy.test.ncl as they say.",
    judge: (facts: PolicyFacts) =>
      ofSoundPolicy(facts, () => {
        if (!facts.files.has("keeper_policy.test.ncl")) return { verdict: "skip", saw: "the policy has no keeper_policy.test.ncl" };
        try {
          const results = testPolicy(facts.files);
          const wrong = results.filter(({ passed }) => !passed).map(({ name }) => name);
          return wrong.length === 0
            ? pass(counted(results.length, "case"), at(facts))
            : fail(
                `${wrong.length} of ${counted(results.length, "case")} decided otherwise: ${listed(wrong)}`,
                "`triplane policy test` shows what was decided, and by which rule.",
                at(facts),
              );
        } catch (thrown) {
          if (!(thrown instanceof TriplaneError)) throw thrown;
          return fail(`the cases do not read: ${thrown.message} (${thrown.code})`, thrown.hint, at(facts));
        }
      }),
  }),
] as const;
