// triplane up: start planes and keep them running.
import { sleep } from "@triplane/kit";
import { z } from "zod";
import { type CommandContext, defineCommand } from "../framework/command.ts";
import { flag } from "../framework/parameters.ts";
import type { HomeLayout } from "../home/layout.ts";
import { bringUp, isUp, takeDown } from "../planes/launch.ts";
import { PLANE_TITLES, type Plane } from "../planes/process-spec.ts";
import { type PlaneReport, renderPlanes, reportPlanes } from "../planes/report.ts";
import { stopComponents } from "../planes/stop-components.ts";
import { homeOption, openHome } from "./home-option.ts";
import { chosenPlanes, planesOption } from "./planes-option.ts";

const WATCH_MS = 1_000;

export const up = defineCommand({
  description:
    "Starts nats-server, provisions its streams, then starts orchestrator, ops-controller and audit-mirror (workload), keeper-daemon (signing) and desired-sync (CI), and waits until each is healthy. A process that ends by itself is started again. Logs are in the home's logs folder.\n\nStays in the foreground and stops everything on Ctrl-C, components included; with --detach it returns when everything is healthy, and `triplane down` stops it. What runs already is left as it is.",
  args: z.strictObject({}),
  options: z.strictObject({ plane: planesOption, detach: flag("Return when everything is healthy; leave it running"), home: homeOption }),
  jsonLines: true,
  examples: [
    { command: "triplane up", what: "all three planes, until Ctrl-C" },
    { command: "triplane up --detach", what: "in the background" },
    { command: "triplane up --plane signing --detach", what: "only the keeper, for instance after `triplane down --plane signing`" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const planes = chosenPlanes(options.plane);
    const started = await startPlanes(planes, layout, context);
    const reports = (await reportPlanes(layout)).filter((report) => planes.includes(report.plane));
    const result = { workspace: workspace.workspace, home: layout.root, detached: options.detach, planes: reports };
    if (options.detach) return result;
    context.emit({ type: "up", ...result }, renderUp(reports));
    context.progress("Running. Ctrl-C stops everything; commands go into another shell.");
    await watch(started, layout, context.signal);
    context.progress("Stopping …");
    for (const plane of planes.toReversed()) await takeDown(plane, layout);
    if (planes.includes("workload")) await stopComponents(layout, workspace);
    return { ...result, planes: await reportPlanes(layout) };
  },
  render: (result) => (result.detached ? `${renderUp(result.planes)}\n\n\`triplane down\` stops it.` : "Everything is stopped."),
});

async function startPlanes(planes: readonly Plane[], layout: HomeLayout, context: CommandContext): Promise<readonly Plane[]> {
  const begin = async (plane: Plane): Promise<void> => {
    context.progress(`starting ${PLANE_TITLES[plane]}`);
    await bringUp(plane, layout, context.signal);
  };
  // The other planes need the bus that the workload plane runs; of each other they know nothing.
  if (planes.includes("workload")) await begin("workload");
  await Promise.all(planes.filter((plane) => plane !== "workload").map(begin));
  return planes;
}

/** Until told to stop, or until somebody else took everything down. */
async function watch(planes: readonly Plane[], layout: HomeLayout, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const running = await Promise.all(planes.map((plane) => isUp(plane, layout)));
    if (!running.includes(true)) return;
    await sleep(WATCH_MS, signal);
  }
}

function renderUp(reports: readonly PlaneReport[]): string {
  return renderPlanes(reports);
}
