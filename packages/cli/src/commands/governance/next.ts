// What waits for whom, each with the command that does it: the part of `governance status` that people act on.
import type { Did } from "@triplane/contract";
import type { GovernanceStatus, ProposalStanding, RepositoryStanding } from "@triplane/governance";
import { type NameOf, namesOf } from "./render.ts";

/** `me` is whose home it is; without one, everybody is named (a local workspace, a reader). */
export function nextSteps(
  { repositories, remotes }: Pick<GovernanceStatus, "repositories" | "remotes">,
  me: Did | undefined,
): readonly string[] {
  const steps = repositories.flatMap((each) => [...proposalSteps(each, me), ...revisionSteps(each, me), ...behindSteps(each, me)]);
  for (const { remote, repository, differs, problem } of remotes) {
    if (problem !== undefined || differs.length === 0) continue;
    const verb = me !== undefined && differs.includes(me) ? "push" : "fetch";
    steps.push(`${remote} has other signed refs of the ${repository}: triplane governance ${verb}`);
  }
  return [...new Set(steps)];
}

function proposalSteps(standing: RepositoryStanding, me: Did | undefined): readonly string[] {
  return standing.proposals.flatMap((proposal) => {
    const { id, missing } = proposal;
    if (proposal.standing !== "open" || missing === 0 || (proposal.reviewed?.problems.length ?? 0) > 0) return [];
    const waiting = whoHasNotSpoken(standing, proposal);
    const who = forWhom(waiting, me, namesOf(standing), missing);
    return who === undefined ? [] : [`${standing.name} ${id} waits for ${who}: triplane governance show ${id}`];
  });
}

function whoHasNotSpoken({ delegates }: RepositoryStanding, { approvedBy, rejectedBy }: ProposalStanding): readonly Did[] {
  return delegates.filter(({ did, votes }) => votes && !approvedBy.includes(did) && !rejectedBy.includes(did)).map(({ did }) => did);
}

function revisionSteps(standing: RepositoryStanding, me: Did | undefined): readonly string[] {
  return standing.revisions.flatMap(({ id, acceptedBy, needs }) => {
    const waiting = standing.delegates.map(({ did }) => did).filter((did) => !acceptedBy.includes(did));
    const who = forWhom(waiting, me, namesOf(standing), needs - acceptedBy.length);
    const short = id.slice(0, 12);
    return who === undefined
      ? []
      : [`the change of ${standing.name}'s delegates ${short} waits for ${who}: triplane governance delegates accept ${short}`];
  });
}

/** What is approved by just enough people is lost with the next key; whoever has not signed it can. */
function behindSteps({ name, approved, delegates, threshold }: RepositoryStanding, me: Did | undefined): readonly string[] {
  if (approved === undefined || approved.signedBy.length > threshold) return [];
  const others = delegates
    .filter(({ did, votes, upToDate }) => votes && !upToDate && !approved.signedBy.includes(did))
    .map(({ did }) => did);
  if (others.length === 0 || (me !== undefined && !others.includes(me))) return [];
  const short = approved.commit.slice(0, 12);
  return [
    `just enough people stand behind the approved ${name} ${short}; one more makes it outlast a lost key: triplane governance show ${short}`,
  ];
}

/** "you", or names, or undefined where it is not for the one who looks. */
function forWhom(waiting: readonly Did[], me: Did | undefined, nameOf: NameOf, count: number): string | undefined {
  if (me !== undefined) return waiting.includes(me) ? "you" : undefined;
  if (waiting.length === 0) return undefined;
  const names = waiting.map(nameOf).join(", ");
  return count < waiting.length ? `${count} of ${names}` : names;
}
