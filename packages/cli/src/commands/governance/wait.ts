// triplane governance wait: until others have decided about what was proposed.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { fetchRepository, findProposal, GOVERNED, openGoverned, type Site } from "@triplane/governance";
import { sleep } from "@triplane/kit";
import { pendingRevisions } from "@triplane/ledger";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { duration, list } from "../../framework/parameters.ts";
import { governanceOptions, openSite } from "./site.ts";

const DEFAULT_WAIT_S = 3600;
const POLL_MS = 1_000;
/** Remotes are asked less often than this machine's own repositories are read. */
const FETCH_EVERY_MS = 15_000;

interface Standing {
  readonly id: string;
  readonly what: string;
  /** Undefined while it waits for people. */
  readonly decided: "approved" | "outdated" | undefined;
}

export const governanceWait = defineCommand({
  description:
    "Takes ids of proposals (`triplane governance propose`) and of changes of the delegates (`triplane governance delegates`), and returns when each is approved. In a home with remotes it fetches meanwhile. Exit code 1 if one can be approved no longer, because something else was approved first, or if the time is over.",
  args: z.strictObject({ ids: list("ID", "Proposals or changes of the delegates") }),
  options: z.strictObject({ wait: duration("How long to wait (default: 1h)").optional(), ...governanceOptions }),
  examples: [
    { command: "triplane governance wait 3f9a1c22b0de", what: "until the proposal is approved" },
    { command: "triplane governance wait 3f9a1c22 81bb04ee --wait 2d", what: "until both changes are in force" },
  ],
  run: async ({ args, options }, context) => {
    if (args.ids.length === 0) throw new TriplaneError("usage", "say what to wait for: ids of proposals or of changes of the delegates");
    const { site } = await openSite(options.home, context);
    const deadlineMs = performance.now() + (options.wait ?? DEFAULT_WAIT_S) * 1000;
    // In the beginning each has to be there: a change of the delegates that is over names nothing any more but a revision in the history.
    let standings = await read(site, args.ids);
    let fetchedMs = performance.now();
    while (standings.some(({ decided }) => decided === undefined) && performance.now() < deadlineMs && !context.signal.aborted) {
      await sleep(POLL_MS, context.signal);
      if (site.remotes.length > 0 && performance.now() - fetchedMs > FETCH_EVERY_MS) {
        await takeIn(site, context);
        fetchedMs = performance.now();
      }
      standings = await read(site, args.ids);
    }
    return { waitedFor: standings };
  },
  render: ({ waitedFor }) => waitedFor.map(({ id, what, decided }) => `${what} ${id}: ${decided ?? "still waits for people"}`).join("\n"),
  failed: ({ waitedFor }) => waitedFor.some(({ decided }) => decided !== "approved"),
});

async function read(site: Site, ids: readonly string[]): Promise<readonly Standing[]> {
  return await Promise.all(ids.map((id) => standingOf(site, id)));
}

/** Throws `proposal_unknown` where nothing has that id. */
async function standingOf(site: Site, id: string): Promise<Standing> {
  if (!/^[0-9a-f]{4,40}$/.test(id))
    throw new TriplaneError("usage", `${JSON.stringify(id.slice(0, 60))} is no id: 4 to 40 digits from 0 to f`);
  const inForce = await changeInForce(site, id);
  if (inForce !== undefined) return inForce;
  try {
    const { repository, proposal } = await findProposal(site, id);
    const decided = proposal.standing === "open" ? undefined : proposal.standing;
    return { id, what: `proposal of ${repository.name}`, decided };
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code !== "proposal_unknown") throw error;
    // What was accepted while this looked elsewhere waits no more, and is in force since.
    const standing = (await pendingChange(site, id)) ?? (await changeInForce(site, id));
    if (standing === undefined) throw error;
    return standing;
  }
}

async function changeInForce(site: Site, id: string): Promise<Standing | undefined> {
  for (const name of GOVERNED) {
    const { verified } = await openGoverned(site, name);
    if (verified.identity.revisions.some((revision) => revision.startsWith(id)))
      return { id, what: `delegates of ${name}`, decided: "approved" };
  }
  return undefined;
}

async function pendingChange(site: Site, id: string): Promise<Standing | undefined> {
  for (const name of GOVERNED) {
    const { repoDir, verified } = await openGoverned(site, name);
    const pending = await pendingRevisions(repoDir, verified);
    if (pending.some((revision) => revision.id.startsWith(id))) return { id, what: `delegates of ${name}`, decided: undefined };
  }
  return undefined;
}

async function takeIn(site: Site, context: CommandContext): Promise<void> {
  for (const remote of site.remotes)
    for (const name of GOVERNED)
      await fetchRepository(site, name, remote, { own: undefined, ...context }).catch((thrown) =>
        context.progress(`${remote.name} ${name}: ${toTriplaneError(thrown).message}`),
      );
}
