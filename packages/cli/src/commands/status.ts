// triplane status: what runs, what waits, what was alarmed, what is proven.
import { type TargetState, toTriplaneError, type WorkspaceState } from "@triplane/contract";
import { type Checkpoint, ledgerCheckpoint, repositoryDir } from "@triplane/ledger";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { counted, facts, table, utc } from "../framework/table.ts";
import { withBus } from "../people/connect.ts";
import { orchestratorOf, personAt } from "../people/person.ts";
import { actorFor } from "../people/who.ts";
import { renderPlanes, reportPlanes } from "../planes/report.ts";
import { type BusReport, reportBus } from "./bus-report.ts";
import { homeOption, type OpenHome, openHome } from "./home-option.ts";
import { askedText } from "./op/wait-for.ts";

/** A part of the report that may not be available, for instance because a plane is down. */
type Part<T> = { readonly known: T } | { readonly unknown: string };

export const status = defineCommand({
  description: "Exit code 1 if a plane is not up or a process is not healthy.",
  args: z.strictObject({}),
  options: z.strictObject({ home: homeOption }),
  examples: [
    { command: "triplane status", what: "everything on one page" },
    { command: "triplane status --json", what: "for a script" },
  ],
  run: async ({ options }, context) => {
    const home = await openHome(options.home, context);
    const { layout, workspace } = home;
    const [planes, state, bus, ledger] = await Promise.all([
      reportPlanes(layout),
      part(() => workspaceState(home, context)),
      part(() => withBus({ role: "watcher" }, layout, workspace, context, (open) => reportBus(open, workspace.workspace))),
      part(() => ledgerCheckpoint(repositoryDir(layout.storage, workspace.pins.state.rid), workspace.pins.state)),
    ]);
    const nowS = Math.floor(context.clock.nowMs() / 1000);
    return { workspace: workspace.workspace, home: layout.root, nowS, planes, state, bus, ledger };
  },
  render: (data) =>
    [
      `workspace ${data.workspace} in ${data.home}`,
      "",
      renderPlanes(data.planes),
      "",
      renderTargets(data.state),
      "",
      renderBus(data.bus),
      facts([["ledger", renderLedger(data.ledger)]]),
    ].join("\n"),
  failed: ({ planes }) => planes.some((plane) => plane.state !== "up" || plane.processes.some((each) => !each.healthy)),
});

async function part<T>(read: () => Promise<T>): Promise<Part<T>> {
  try {
    return { known: await read() };
  } catch (thrown) {
    const { code, message } = toTriplaneError(thrown);
    return { unknown: `${message} (${code})` };
  }
}

async function workspaceState({ layout, workspace }: OpenHome, context: CommandContext): Promise<WorkspaceState> {
  const actor = await actorFor({}, context, layout, workspace);
  return await (await orchestratorOf(personAt(actor, layout, workspace, context))).workspaceState();
}

function renderTargets(state: Part<WorkspaceState>): string {
  if ("unknown" in state) return `targets  unknown: ${state.unknown}`;
  const { revision, targets } = state.known;
  if (targets.length === 0) return `targets  none yet, revision ${revision}`;
  const rows = targets.map((target) => [target.target, String(target.version), target.health, describe(target)]);
  return table(["TARGET", "VERSION", "HEALTH", `STATE AT REVISION ${revision}`], rows);
}

function describe({ state }: TargetState): string {
  const component = state?.["component"];
  const version = state?.["version"];
  const replicas = state?.["replicas"];
  if (typeof component !== "string") return state === undefined ? "" : Object.keys(state).join(", ");
  return `${component} ${typeof version === "string" ? version : ""}, ${String(replicas)} × running`;
}

function renderBus(bus: Part<BusReport>): string {
  if ("unknown" in bus) return `bus     unknown: ${bus.unknown}`;
  const { waiting, reviews, alarmCount, lastAlarms } = bus.known;
  const open = reviews.map((review) => `${review.jti} ${review.op} ${review.target}: ${askedText(review)}`);
  const alarms = lastAlarms.map((alarm) => `${utc(alarm.at)} ${alarm.source}: ${alarm.code}: ${alarm.message}`);
  return facts([
    [
      "waiting",
      `${counted(waiting.pending, "op")} for the keeper, ${counted(waiting.cmd, "decision")} for the controller, ${counted(waiting.audit, "record")} for the ledger`,
    ],
    ["reviews", open.length === 0 ? "none open" : open.join("\n")],
    ["alarms", alarmCount === 0 ? "none" : [`${alarmCount}, the last ones:`, ...alarms].join("\n")],
  ]);
}

function renderLedger(ledger: Part<Checkpoint | undefined>): string {
  if ("unknown" in ledger) return `unknown: ${ledger.unknown}`;
  const checkpoint = ledger.known;
  return checkpoint === undefined
    ? "empty"
    : `${counted(checkpoint.size, "record")}, checkpoint of ${utc(checkpoint.timeMs / 1000)}, root ${checkpoint.root}`;
}
