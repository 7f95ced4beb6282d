// triplane drift: what the approved desired state says, and what there is.
import { toTriplaneError } from "@triplane/contract";
import { type Drift, driftOf } from "@triplane/desired-sync";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { flag } from "../framework/parameters.ts";
import { counted, facts, table } from "../framework/table.ts";
import { orchestratorOf, personAt } from "../people/person.ts";
import { desiredReader } from "../people/policy.ts";
import { actorFor, asOption } from "../people/who.ts";
import { homeOption, type OpenHome, openHome } from "./home-option.ts";

/** What says that nobody could be asked, rather than that something is wrong. */
const UNDECIDED: readonly string[] = ["unavailable", "quorum_not_reached"];

export const drift = defineCommand({
  description:
    "The approved head of the desired state, verified here from its signed refs, against the orchestrator: what it would have to do to reach that commit, and whether what is recorded as it should be also runs. Nothing is signed, sent or changed. For each target that differs it says what to do.\n\nKinds: missing, extra (an earlier desired state made it and this one does not list it), other-version (of the component or its files), other-replicas, other-settings (also: ops keep it instead of the desired state), unhealthy. What ops deployed and the desired state does not list is left alone by desired.apply and listed as unlisted; it counts as drift with --strict.\n\nExit code 0: no drift. 1: drift. 3: nobody could tell, because the orchestrator does not answer or no desired state is approved.",
  args: z.strictObject({}),
  options: z.strictObject({ strict: flag("What the desired state does not list counts as drift"), as: asOption, home: homeOption }),
  examples: [
    { command: "triplane drift", what: "every target that differs, and what to do about it" },
    { command: "triplane drift --strict --json", what: "for a job that wants nothing besides the desired state" },
  ],
  run: async ({ options }, context) => {
    const home = await openHome(options.home, context);
    const { workspace } = home.workspace;
    try {
      const found = await findDrift(home, options.as, context);
      const drifted = [...found.drifted, ...(options.strict ? found.unlisted : [])];
      const unlisted = options.strict ? [] : found.unlisted;
      return { workspace, known: true as const, ok: drifted.length === 0, ...found, drifted, unlisted };
    } catch (thrown) {
      const { code, message } = toTriplaneError(thrown);
      if (!UNDECIDED.includes(code)) throw thrown;
      return { workspace, known: false as const, ok: undefined, code, why: message };
    }
  },
  render: (report) => {
    if (!report.known) return `– Nobody can tell whether ${report.workspace} has drifted: ${report.why} (${report.code})`;
    const { approved, applied, revision, listed, drifted, unlisted } = report;
    const head = facts([
      ["workspace", `${report.workspace} at revision ${revision}`],
      ["approved", `${approved}, ${counted(listed, "target")}`],
      ["applied", applied === approved ? "the same" : (applied ?? "no desired state yet")],
      ["unlisted", unlisted.length === 0 ? undefined : `${unlisted.map(({ target }) => target).join(", ")}: deployed by ops, left alone`],
    ]);
    if (drifted.length === 0) return `${head}\n\n✔ No drift.`;
    const rows = drifted.map(({ target, kind, desired, actual }) => [target, kind, desired ?? "nothing", actual ?? "nothing"]);
    return [
      head,
      "",
      table(["TARGET", "DRIFT", "DESIRED", "ACTUAL"], rows),
      "",
      ...[...new Set(drifted.map(({ advice }) => advice))].map((advice) => `${targetsWith(advice, drifted)}: ${advice}`),
      "",
      `✘ ${counted(drifted.length, "difference")} from the desired state.`,
    ].join("\n");
  },
  failed: (report) => report.ok === false,
  undecided: (report) => !report.known,
});

/** The state is read before the plan is made: what changes in between shows in the plan. */
async function findDrift({ layout, workspace }: OpenHome, as: string | undefined, context: CommandContext): Promise<Drift> {
  const { commit } = (await desiredReader(layout, workspace).standing()).head;
  const orchestrator = await orchestratorOf(personAt(await actorFor({ as }, context, layout, workspace), layout, workspace, context));
  const state = await orchestrator.workspaceState();
  const plan = await orchestrator.plan({ op: "desired.apply", target: "workspace", args: { commit } });
  return driftOf(commit, plan, state);
}

/** All targets that one piece of advice is for. */
function targetsWith(advice: string, drifted: Drift["drifted"]): string {
  return [...new Set(drifted.filter((each) => each.advice === advice).map(({ target }) => target))].join(", ");
}
