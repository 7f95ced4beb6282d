// How proposals, their impact and who stands where read on a terminal. Whatever others wrote was made fit for one before it came here.
import type { Did } from "@triplane/contract";
import {
  CHANGE_TITLES,
  type FileDifference,
  type Impact,
  impactSummary,
  type ProposalStanding,
  type ProposedUpdate,
  type RepositoryStanding,
  type Reviewed,
} from "@triplane/governance";
import { framed } from "../../framework/machine-text.ts";
import { counted, facts, span, table, utc } from "../../framework/table.ts";

const MAX_DIFFERENCE_LINES = 2000;

export function shortDid(did: Did): string {
  return `…${did.slice(-8)}`;
}

export type NameOf = (did: Did) => string;

export function namesOf(standing: Pick<RepositoryStanding, "delegates" | "others">): NameOf {
  const names = new Map([...standing.delegates, ...standing.others].map(({ did, name }) => [did, name] as const));
  return (did) => names.get(did) ?? shortDid(did);
}

export function renderDifference(difference: readonly FileDifference[]): string {
  const lines = difference.flatMap(({ path, kind, added, removed, lines: changes }) => [
    `${path}: ${kind}, ${counted(added, "line")} more, ${removed} less`,
    ...changes.map((line) => `  ${line}`),
  ]);
  const left = lines.length - MAX_DIFFERENCE_LINES;
  return [...lines.slice(0, MAX_DIFFERENCE_LINES), ...(left > 0 ? [`  and ${left} lines more: look at the whole with --json`] : [])].join(
    "\n",
  );
}

export function renderImpact(impact: Impact): string {
  const lines = [`Held against ${counted(impact.ops, "op")} of the ledger since ${utc(impact.sinceS)}:`];
  if (impact.groups.length === 0) lines.push("  no op would have fared otherwise");
  for (const { change, count, examples } of impact.groups) {
    lines.push(`  ${CHANGE_TITLES[change]}: ${count}`);
    for (const each of examples) lines.push(`    ${each.principal} ${each.op} ${each.target}: was ${each.before}; now ${each.after}`);
  }
  if (impact.undecided > 0) lines.push(`  not judged: ${impact.undecided}, refused for their form or their number`);
  for (const path of impact.weaker) {
    const was = path.peopleBefore === undefined ? "a new way through" : `was ${path.peopleBefore}`;
    lines.push(
      `  weaker path: ${path.rule} needs ${people(path.people)} (${was}) for ${path.kinds.join(" ")} on ${path.targets.join(" ")}`,
    );
  }
  for (const { rule, list, what } of impact.lostGuards) lines.push(`  weaker ${list} rule: ${rule}: ${what}`);
  if (impact.weaker.length + impact.lostGuards.length === 0)
    lines.push("  no way through got weaker, no rule that denies or asks people covers less");
  return lines.join("\n");
}

function people(count: number): string {
  return count === 0 ? "nobody" : count === 1 ? "1 person" : `${count} people`;
}

export function renderReviewed(reviewed: Reviewed): string {
  const { steps, difference, problems, notes, impact } = reviewed;
  return [
    ...(steps.length > 1
      ? [`${steps.length} commits are approved together:`, ...steps.map((step) => `  ${step.commit.slice(0, 12)} ${step.message}`), ""]
      : []),
    renderDifference(difference),
    "",
    ...(impact === undefined ? [] : [renderImpact(impact), ""]),
    ...notes.map((note) => `note: ${note}`),
    ...problems.map(({ code, message }) => `cannot be approved: ${message} (${code})`),
    facts([
      ["commit", reviewed.commit],
      ["digest", reviewed.digest],
      ["words", reviewed.words],
    ]),
  ].join("\n");
}

/** `delegates` decide here; what nobody of them proposed is framed as a stranger's. */
export function describeProposal(proposal: ProposalStanding, nameOf: NameOf, delegates: readonly Did[]): string {
  const who = (dids: readonly Did[]) => (dids.length === 0 ? "nobody" : dids.map(nameOf).join(", "));
  const lines = [
    `${proposal.id}  ${proposal.standing}  by ${who(proposal.proposedBy)}${proposal.via.includes("patch") ? " (a patch)" : ""}`,
  ];
  if (proposal.standing !== "open") return lines.join("\n");
  const { reviewed } = proposal;
  const title = reviewed?.steps.at(-1)?.message;
  const isOurs = proposal.proposedBy.some((did) => delegates.includes(did));
  if (title !== undefined)
    lines.push(
      ...(isOurs ? title : framed(`${who(proposal.proposedBy)}, who decides nothing here`, [title])).split("\n").map((line) => `  ${line}`),
    );
  if (proposal.update !== undefined) lines.push(`  ${describeUpdate(proposal.update)}`);
  lines.push(`  approved by ${who(proposal.approvedBy)}; ${proposal.missing} more needed`);
  if (proposal.rejectedBy.length > 0) lines.push(`  REJECTED by ${who(proposal.rejectedBy)}`);
  if (reviewed === undefined) return [...lines, "  its commits cannot be read here: fetch again"].join("\n");
  for (const { code, message } of reviewed.problems) lines.push(`  cannot be approved: ${message} (${code})`);
  const files = reviewed.difference.map(({ path, added, removed }) => `${path} +${added} -${removed}`);
  lines.push(`  changes ${files.join(", ") || "nothing"}`);
  if (reviewed.impact !== undefined) lines.push(`  ${impactSummary(reviewed.impact)}`);
  lines.push(`  words ${reviewed.words}`);
  return lines.join("\n");
}

function stateOf({ state, problem }: RepositoryStanding["delegates"][number]): string {
  return problem === undefined ? state : `${state}: ${problem}`;
}

function describeUpdate({ rules, changes, why }: ProposedUpdate): string {
  if (rules.length === 0) return `OUTSIDE EVERY RULE for automations: ${why ?? ""}`;
  const targets = [...new Set(changes.map(({ target }) => target))].join(", ");
  return `image update under ${rules.join(", ")}: ${targets}${why === undefined ? "" : `; ${why}`}`;
}

/** A key that signed nothing for so long may be lost, and nobody has noticed. */
const SILENT_S = 90 * 86_400;

export function renderDelegates(standing: RepositoryStanding, nowS: number): string {
  const ago = (seconds: number | undefined): string => (seconds === undefined ? "never" : `${span(nowS - seconds)} ago`);
  return table(
    ["WHO", "KEY", "STATE", "SIGNED WHAT IS APPROVED", "KEY SINCE", "LAST SIGNED"],
    standing.delegates.map((each) => {
      const isSilent = each.lastSignedS !== undefined && nowS - each.lastSignedS > SILENT_S;
      return [
        each.name ?? "?",
        shortDid(each.did),
        each.votes ? stateOf(each) : `NO VOTE: no person of the policy holds it`,
        standing.approved === undefined ? "nothing is yet" : each.upToDate ? "yes" : "not yet",
        ago(each.firstSignedS),
        `${ago(each.lastSignedS)}${isSilent ? ", SILENT: is the key still there?" : ""}`,
      ];
    }),
  );
}
