// triplane governance status: who decides, what waits for whom, whether enough can still sign, what remotes have.
import { join, resolve } from "node:path";
import type { Did } from "@triplane/contract";
import { type GovernanceStatus, governanceStatus, type RepositoryStanding, type ReviewOptions, type Site } from "@triplane/governance";
import { sleep } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, flag, text } from "../../framework/parameters.ts";
import { counted, facts, table, utc } from "../../framework/table.ts";
import { readGovernanceFile } from "../../home/governance-file.ts";
import { type Standing, standingOf } from "../../seeds/standing.ts";
import { nextSteps } from "./next.ts";
import { describeProposal, type NameOf, namesOf, renderDelegates, shortDid } from "./render.ts";
import { governanceOptions, type OpenSite, openSite, reviewOptions } from "./site.ts";

const CLEAR = "\u001b[2J\u001b[H";

interface Page extends GovernanceStatus {
  readonly home: string;
  readonly kind: OpenSite["kind"];
  readonly atS: number;
  /** Whose home it is. */
  readonly me: Did | undefined;
  readonly seeds: readonly SeedRow[];
}

interface SeedRow extends Standing {
  readonly seed: string;
  readonly repository: string;
}

export const governanceStatusCommand = defineCommand({
  description:
    "Everything is verified from the bytes on this machine; remotes are asked what they have, and not believed. Exit code 1 if an approved head is missing, if too few delegates could sign today, or if somebody's signed refs are refused.",
  args: z.strictObject({}),
  options: z.strictObject({
    watch: flag("Show it again and again until Ctrl-C; for a terminal that stays open"),
    every: duration("With --watch: how often (default: 5s)").optional(),
    seeds: text("FOLDERS", "Folders of Radicle seeds, with commas between: their copies are verified and compared, too").optional(),
    ...governanceOptions,
  }),
  examples: [
    { command: "triplane governance status", what: "one page" },
    { command: "triplane governance status --watch", what: "a page that stays up to date" },
    { command: "triplane governance status --seeds ./ci,./signing", what: "with the copies of two seeds" },
    { command: "triplane governance status --json", what: "for a script" },
  ],
  jsonLines: true,
  run: async ({ options }, context) => {
    const pastOps: PastOpsRead = new Map();
    let page = await readPage(options, context, pastOps);
    while (options.watch && !context.signal.aborted) {
      context.emit(page, `${context.terminal ? CLEAR : ""}${renderPage(page)}\n`);
      await sleep((options.every ?? 5) * 1000, context.signal);
      if (!context.signal.aborted) page = await readPage(options, context, pastOps);
    }
    return page;
  },
  render: renderPage,
  failed: ({ repositories }) =>
    repositories.some((each) => trouble(each) !== undefined || each.delegates.some(({ state }) => state === "refused")),
});

type PastOpsRead = NonNullable<ReviewOptions["pastOps"]>;

async function readPage(
  options: { readonly home?: string | undefined; readonly seeds?: string | undefined },
  context: CommandContext,
  pastOps: PastOpsRead,
): Promise<Page> {
  const { site, layout, kind } = await openSite(options.home, context);
  const status = await governanceStatus(site, { ...reviewOptions(site, context), pastOps, signal: context.signal, timeoutMs: 10_000 });
  const me = (await readGovernanceFile(layout))?.me?.did;
  const seeds = await readSeeds(
    site,
    (options.seeds ?? "").split(",").filter((each) => each !== ""),
    context.cwd,
  );
  return { ...status, home: layout.root, kind, me, seeds, atS: Math.floor(context.clock.nowMs() / 1000) };
}

async function readSeeds({ storageDir, pins }: Site, folders: readonly string[], cwd: string): Promise<readonly SeedRow[]> {
  const rows: SeedRow[] = [];
  for (const seed of folders)
    for (const repository of ["policy", "desired", "state"] as const) {
      const pin = pins[repository];
      const [ours, theirs] = [repositoryDir(storageDir, pin.rid), repositoryDir(join(resolve(cwd, seed), "storage"), pin.rid)];
      rows.push({ seed, repository, ...(await standingOf(ours, theirs, pin)) });
    }
  return rows;
}

function renderPage(page: Page): string {
  const marks = [
    ...(page.singleOperator ? ["SINGLE OPERATOR: one person alone decides here, as was asked for when the workspace was made."] : []),
    ...(page.kind === "local" ? ["Local workspace: all keys lie on this machine. For learning, not for production."] : []),
  ];
  return [
    `workspace ${page.workspace} in ${page.home}, ${utc(page.atS)}`,
    ...marks,
    ...renderNext(page),
    ...page.repositories.flatMap((each) => ["", ...renderRepository(each, page)]),
    ...renderRemotes(page),
    ...renderSeeds(page),
  ].join("\n");
}

/** First of all: what to do. */
function renderNext(page: Page): readonly string[] {
  const steps = nextSteps(page, page.me);
  if (steps.length === 0) return ["", page.me === undefined ? "Nothing waits." : "Nothing waits for you."];
  return ["", "NEXT", ...steps.map((step) => `  ${step}`)];
}

function renderSeeds({ seeds }: Page): readonly string[] {
  if (seeds.length === 0) return [];
  const rows = seeds.map(({ seed, repository, same, delegates, state, why }) => [
    seed,
    repository,
    `${same} of ${delegates}`,
    why === undefined ? state : `${state} (${why})`,
  ]);
  return ["", table(["SEED", "REPOSITORY", "SIGNED REFS", "STATE"], rows)];
}

function renderRepository(standing: RepositoryStanding, page: Page): readonly string[] {
  const { name, rid, approved } = standing;
  const nameOf = namesOf(standing);
  const open = standing.proposals.filter((each) => each.standing !== "approved");
  const delegates = standing.delegates.map(({ did }) => did);
  const version = approved?.policyVersion === undefined ? "" : `, version ${approved.policyVersion}`;
  return [
    `${name.toUpperCase()}  ${rid}`,
    facts([
      [
        "approved",
        approved === undefined
          ? `nothing: ${standing.problem?.message ?? "no commit was signed yet"}`
          : `${approved.commit.slice(0, 12)}${version}, by ${approved.signedBy.map(nameOf).join(", ")}`,
      ],
      ...(approved?.updates.map(({ commit, principal, rule, changes }): readonly [string, string] => [
        "on top",
        `${commit.slice(0, 12)} by ${principal} (${rule}): ${changes.map(({ target, to }) => `${target} ${to.slice(to.indexOf("@") + 1, to.indexOf("@") + 20)}`).join(", ")}`,
      ]) ?? []),
      ["decided by", decidedBy(standing, page)],
      ["today", ability(standing)],
    ]),
    renderDelegates(standing, page.atS),
    ...(open.length === 0 ? ["no proposals wait"] : open.map((each) => describeProposal(each, nameOf, delegates))),
    ...standing.revisions.map((revision) => renderRevision(revision, nameOf)),
    ...renderOthers(standing),
  ];
}

function decidedBy({ threshold, delegates }: RepositoryStanding, { minThreshold }: Page): string {
  const said = `${threshold} of ${delegates.length}`;
  return threshold < minThreshold ? `${said}: NOT GOVERNED YET, at least ${minThreshold} have to agree: others join, and are added` : said;
}

/** What keeps this repository from being governed, or undefined. */
function trouble({ able, threshold, approved }: RepositoryStanding): string | undefined {
  if (able < threshold) return `TOO FEW: only ${able} could sign, ${threshold} are needed`;
  return approved === undefined ? "nothing is approved" : undefined;
}

function ability(standing: RepositoryStanding): string {
  const { able, threshold, delegates } = standing;
  if (able < threshold) return trouble(standing) ?? "";
  const spare = able - threshold;
  const half = Math.floor(delegates.length / 2) + 1;
  const warnings = [
    ...(spare === 0 ? ["NO SPARE: with one key less nothing can be decided"] : []),
    ...(threshold < half && delegates.length > 1
      ? [`two groups of ${threshold} could approve different commits, and then neither counts`]
      : []),
  ];
  return [`${able === 1 ? "1 person" : `${able} people`} could sign; ${counted(spare, "key")} may be lost`, ...warnings].join("; ");
}

function renderRevision(revision: RepositoryStanding["revisions"][number], nameOf: NameOf): string {
  const { doc, acceptedBy, needs } = revision;
  return `delegates ${revision.id.slice(0, 12)}: ${doc.threshold} of ${doc.delegates.map(nameOf).join(", ")}; accepted by ${acceptedBy.map(nameOf).join(", ")}, ${Math.max(0, needs - acceptedBy.length)} more needed`;
}

function renderOthers({ others }: RepositoryStanding): readonly string[] {
  if (others.length === 0) return [];
  return ["no delegates, but signed refs here:", ...others.map(({ did, name }) => `  ${name ?? "?"}  ${did}`)];
}

function renderRemotes({ remotes, repositories }: Page): readonly string[] {
  if (remotes.length === 0) return [];
  const nameOf = repositories[0] === undefined ? shortDid : namesOf(repositories[0]);
  return [
    "",
    "REMOTES",
    ...remotes.map(({ remote, repository, has, differs, problem }) => {
      const said =
        problem !== undefined
          ? `cannot be asked: ${problem}`
          : differs.length === 0
            ? `has the same, of ${has} keys`
            : `differs for ${differs.map(nameOf).join(", ")}: fetch or push`;
      return `${remote}  ${repository}  ${said}`;
    }),
  ];
}
