// validate-radicle-governance: three repositories, who may change them, and that everything in them is signed. Judgement only.
import type { Did } from "@triplane/contract";
import { check, counted, fail, type Judged, leftTo, listed, pass, type Source } from "../source.ts";

export type GovernedRepositoryName = "policy" | "desired" | "state";

/** Something that is wrong, as the library that found it says. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

export interface RepositoryFacts {
  readonly name: GovernedRepositoryName;
  readonly rid: string;
  readonly revisions: number;
  readonly delegates: readonly Did[];
  /** Everybody who was a delegate in some revision. */
  readonly everDelegates: readonly Did[];
  readonly threshold: number;
  /** Whose signed refs or identity entries do not verify. */
  readonly refused: readonly (Problem & { readonly who: Did })[];
  /** Refs in a delegate's namespace that the delegate did not sign. */
  readonly stray: readonly string[];
  readonly signedRefs: number;
  readonly signatures: {
    readonly commits: number;
    readonly complete: boolean;
    readonly unsigned: readonly { readonly commit: string; readonly head: string; readonly why: string }[];
    readonly signers: readonly Did[];
  };
  /** Of policy and desired state. */
  readonly approved?: { readonly commit: string; readonly signedBy: number } | undefined;
  readonly approvalProblem?: Problem | undefined;
}

export interface GovernanceFacts {
  /** Least number of delegates that may decide. */
  readonly minThreshold: number;
  /** The ops-controller's key: by the policy in force, else as pinned. */
  readonly controller: Did;
  /** Keys of the policy's operators; undefined where no policy reads. */
  readonly operators: ReadonlySet<Did> | undefined;
  readonly repositories: readonly (
    | RepositoryFacts
    | { readonly name: GovernedRepositoryName; readonly rid: string; readonly problem: Problem }
  )[];
}

interface HasGovernance {
  readonly governance: Source<GovernanceFacts>;
  nowS(): number;
}

const source = ({ governance }: HasGovernance): Source<GovernanceFacts> => governance;
const EXIST = "three-repositories";

function sound({ repositories }: GovernanceFacts): readonly RepositoryFacts[] {
  return repositories.filter((each): each is RepositoryFacts => !("problem" in each));
}

function judgeAll(
  facts: GovernanceFacts,
  todo: string,
  problemsOf: (repository: RepositoryFacts) => readonly string[],
  fine: string,
): Judged {
  const repositories = sound(facts);
  if (repositories.length === 0) return leftTo(EXIST, "no repository verifies");
  const problems = repositories.flatMap((repository) => problemsOf(repository).map((text) => `${repository.name}: ${text}`));
  return problems.length === 0 ? pass(fine) : fail(listed(problems), todo);
}

function judgeStateDelegates(facts: GovernanceFacts): Judged {
  const state = sound(facts).find(({ name }) => name === "state");
  if (state === undefined) return leftTo(EXIST, "the state repository does not verify");
  const { delegates } = state;
  if (delegates.length === 1 && delegates[0] === facts.controller) return pass(`1 delegate: ${facts.controller}`, state.rid);
  const others = delegates.filter((did) => did !== facts.controller);
  return fail(
    `${counted(delegates.length, "delegate")}: ${delegates.join(", ")}; must be the ops-controller's key alone, ${facts.controller}`,
    `Whoever holds ${others.join(", ")} can write records: take it out of the identity with the controller's key, and verify the ledger from the last checkpoint that you kept.`,
    state.rid,
  );
}

function judgeDelegations(facts: GovernanceFacts): Judged {
  const { operators, minThreshold } = facts;
  const governed = sound(facts).filter(({ name }) => name !== "state");
  if (governed.length === 0) return leftTo(EXIST, "no governed repository verifies");
  const problems: string[] = [];
  for (const { name, delegates, threshold } of governed) {
    if (threshold < minThreshold) problems.push(`${name}: ${threshold} of ${delegates.length} decide, at least ${minThreshold} have to`);
    const strangers = operators === undefined ? [] : delegates.filter((did) => !operators.has(did));
    if (strangers.length > 0) problems.push(`${name}: ${strangers.join(", ")} decides and is no operator's key in the policy`);
  }
  const quorums = governed.map(({ name, delegates, threshold }) => `${name} ${threshold} of ${delegates.length}`).join(", ");
  return problems.length === 0
    ? pass(quorums)
    : fail(listed(problems), "Change the delegates with `triplane governance delegates`; M of N have to agree.");
}

function judgeSignatures(facts: GovernanceFacts): Judged {
  const commits = sound(facts).reduce((sum, { signatures }) => sum + signatures.commits, 0);
  const cut = sound(facts).some(({ signatures }) => !signatures.complete) ? ", the newest ones" : "";
  return judgeAll(
    facts,
    "Nobody of ours believes such a commit, but somebody wrote to the repository's folder without a key: find out who, and move the head back.",
    ({ name, signatures, everDelegates }) => [
      ...signatures.unsigned.map(({ commit, head, why }) => `${commit.slice(0, 12)} at ${head}: ${why}`),
      // In the ledger nobody but the controller has anything to write.
      ...(name === "state"
        ? signatures.signers.filter((did) => !everDelegates.includes(did)).map((did) => `commits signed by ${did}`)
        : []),
    ],
    `${counted(commits, "commit")}${cut}, all signed`,
  );
}

export const RADICLE_GOVERNANCE_CHECKS = [
  check({
    ...{ id: EXIST, invariant: "chain-verified-at-every-hop", source },
    what: "Policy, desired state and ledger are the pinned repositories, and their identities verify from the root on.",
    judge: ({ repositories }: GovernanceFacts) => {
      const broken = repositories.flatMap((each) =>
        "problem" in each ? [`${each.name}: ${each.problem.message} (${each.problem.code})`] : [],
      );
      const revisions = repositories.map((each) => ("problem" in each ? "" : `${each.name} ${counted(each.revisions, "revision")}`));
      return broken.length === 0
        ? pass(`${counted(repositories.length, "repository", "repositories")}: ${revisions.join(", ")}`)
        : fail(listed(broken), "Fetch it again from a seed or a remote: `triplane governance fetch`, `triplane seed status`.");
    },
  }),
  check({
    ...{ id: "state-single-delegate", invariant: "state-repo-single-delegate", source },
    what: "The ledger has exactly one delegate, the ops-controller's key.",
    judge: judgeStateDelegates,
  }),
  check({
    ...{ id: "quorum-of-operators", invariant: "no-fail-open", source },
    what: "M of N operators decide on policy and desired state, and nobody who is no operator.",
    judge: judgeDelegations,
  }),
  check({
    ...{ id: "approved-heads", invariant: "no-fail-open", source },
    what: "Policy and desired state have a head that enough people signed.",
    judge: (facts: GovernanceFacts) =>
      judgeAll(
        facts,
        "`triplane governance status` shows whose signature is missing.",
        ({ approved, approvalProblem, name }) =>
          name === "state" || approved !== undefined
            ? []
            : [approvalProblem === undefined ? "nobody signed a head" : `${approvalProblem.message} (${approvalProblem.code})`],
        sound(facts)
          .flatMap(({ name, approved }) =>
            approved === undefined ? [] : `${name} ${approved.commit.slice(0, 12)} by ${approved.signedBy}`,
          )
          .join(", "),
      ),
  }),
  check({
    ...{ id: "refs-signed", invariant: "chain-verified-at-every-hop", source },
    what: "Every delegate's refs are what that delegate signed, back to the first signature.",
    judge: (facts: GovernanceFacts) =>
      judgeAll(
        facts,
        "Fetch that delegate's refs again; if they stay as they are, treat the repository's folder as written to by a stranger.",
        ({ refused, stray }) => [
          ...refused.map(({ who, message, code }) => `${who}: ${message} (${code})`),
          ...stray.map((ref) => `${ref} is not what its owner signed`),
        ],
        `signed refs of ${counted(
          sound(facts).reduce((sum, { signedRefs }) => sum + signedRefs, 0),
          "namespace",
        )}`,
      ),
  }),
  check({
    ...{ id: "commits-signed", invariant: "chain-verified-at-every-hop", source },
    what: "Every commit that a head of the three repositories leads to is signed; in the ledger, by the controller.",
    judge: judgeSignatures,
  }),
] as const;
