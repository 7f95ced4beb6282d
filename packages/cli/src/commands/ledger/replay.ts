// triplane ledger replay: what a workspace has lost, rebuilt from its ledger.
import { resolve } from "node:path";
import { repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { counted, facts } from "../../framework/table.ts";
import { orchestratorOf, personAt } from "../../people/person.ts";
import { actorFor } from "../../people/who.ts";
import { type KeeperPart, type ReplayReport, replayInPlace, replayInto } from "../../recovery/replay.ts";
import { homeOption, type OpenHome, openHome } from "../home-option.ts";

/** What no ledger has, however whole it is. */
const UNKNOWN = [
  "ops that were on their way and have no record: whoever submitted one still holds it; `triplane op resend --unrecorded`",
  "open reviews and the approvals given so far: they open again when their op is sent again, and people are asked again",
  "alarms, answers, events, and messages that were set aside as proving nothing",
] as const;

export const ledgerReplay = defineCommand({
  description:
    "Looks what is gone: the controller's database, the orchestrator's, the NATS streams with the keeper's numbers; rebuilds that, and leaves alone what is there. The ledger is verified first and every decision is run again; from one that does not verify nothing is rebuilt. The workspace has to be down: only NATS and the audit-mirror run meanwhile, so that the ledger first gets what waits for it.\n\nStopped in the middle it can be run again, and until it is done nothing starts on what is not whole. With --into both databases are rebuilt in another folder and the workspace is not touched: a rehearsal, also while it runs. Exit code 1 if a target could not be restored exactly, or if a rehearsal comes to another state than the one that runs.",
  args: z.strictObject({ dir: text("DIR", "The ledger, or a mirror clone of it (default: the home's)").optional() }),
  options: z.strictObject({ into: text("DIR", "Rebuild both databases in this folder instead").optional(), home: homeOption }),
  examples: [
    { command: "triplane ledger replay", what: "after a loss, with everything down" },
    { command: "triplane ledger replay --into /tmp/rehearsal", what: "whether the ledger leads to the state that runs" },
    { command: "triplane ledger replay ./clone.git --json", what: "from a mirror clone" },
  ],
  run: async ({ args, options }, context) => {
    const home = await openHome(options.home, context);
    const { layout, workspace } = home;
    const ledgerDir = args.dir === undefined ? repositoryDir(layout.storage, workspace.pins.state.rid) : resolve(context.cwd, args.dir);
    const replaying = { layout, workspace, ledgerDir };
    if (options.into === undefined) return { ...(await replayInPlace(replaying, context)), running: undefined, unknown: UNKNOWN };
    const report = await replayInto(resolve(context.cwd, options.into), replaying, context);
    return { ...report, running: await runningHash(home, context), unknown: UNKNOWN };
  },
  render: (data) => {
    const lines = facts([
      [
        "ledger",
        `${data.ledger.dir}\nverified: ${counted(data.ledger.size, "record")}${data.ledger.root === "" ? "" : `, root ${data.ledger.root}`}`,
      ],
      ["streams", data.streams.length === 0 ? undefined : `made anew: ${data.streams.join(", ")}`],
      ["controller", renderController(data)],
      ["orchestrator", renderOrchestrator(data)],
      ["keeper", data.keeper === undefined ? undefined : renderKeeper(data.keeper)],
      ["state hash", data.orchestrator.stateHash],
      ["running now", data.running],
    ]);
    const inexact = data.orchestrator.inexact.map(({ target, version, why }) => `✘ ${target} at version ${version}: ${why}`);
    const verdict = isExact(data)
      ? data.running === undefined
        ? "✔ The workspace has what the ledger proves; `triplane up` starts it."
        : "✔ The ledger leads to exactly the state that runs."
      : data.running === undefined || inexact.length > 0
        ? "✘ Not everything could be restored exactly; the targets above need a look."
        : "✘ The state that runs is another one; ops that have no record yet make it so for a moment.";
    return [lines, "", "Not in any ledger:", ...data.unknown.map((each) => `– ${each}`), "", ...inexact, verdict].join("\n");
  },
  failed: (data) => !isExact(data),
});

function isExact(data: ReplayReport & { readonly running: string | undefined }): boolean {
  return data.orchestrator.inexact.length === 0 && (data.running === undefined || data.running === data.orchestrator.stateHash);
}

function renderController({ controller }: ReplayReport): string {
  const { did, ops, publishedAgain, inHand } = controller;
  if (did === "rebuilt") return `rebuilt: ${counted(ops, "op")}`;
  const again = publishedAgain === 0 ? "" : `; ${counted(publishedAgain, "record")} that the ledger lacks go out again`;
  return `kept: ${counted(ops, "op")}${again}${inHand === 0 ? "" : `; ${counted(inHand, "op")} in hand go on`}`;
}

function renderOrchestrator({ orchestrator }: ReplayReport): string {
  const { did, targets, revision } = orchestrator;
  return did === "kept" ? "kept" : `rebuilt: ${counted(targets ?? 0, "target")} at revision ${revision ?? 0}`;
}

function renderKeeper({ did, keys, settled, missing }: KeeperPart): string {
  const open = (missing ?? []).map(({ did: key, numbers }) => `open for ops that may still come: ${numbers.join(", ")} of ${key}`);
  if (did === "kept") return ["kept", ...open].join("\n");
  return [`rebuilt: numbers of ${counted(keys ?? 0, "key")}, ${settled ?? 0} reviews that ended or refusals kept`, ...open].join("\n");
}

/** Undefined where nothing runs. */
async function runningHash({ layout, workspace }: OpenHome, context: CommandContext): Promise<string | undefined> {
  try {
    const actor = await actorFor({}, context, layout, workspace);
    return (await (await orchestratorOf(personAt(actor, layout, workspace, context))).workspaceState()).state_hash;
  } catch {
    return undefined;
  }
}
