// triplane down: stop planes.
import { z } from "zod";
import { defineCommand } from "../framework/command.ts";
import { takeDown } from "../planes/launch.ts";
import { stopComponents } from "../planes/stop-components.ts";
import { homeOption, openHome } from "./home-option.ts";
import { chosenPlanes, planesOption } from "./planes-option.ts";

export const down = defineCommand({
  description:
    "Stops the processes of the planes; with the workload plane also the components that it runs. Nothing is lost: ops that wait are still there at the next `triplane up`. The other planes may go down alone: what was admitted is still applied.",
  args: z.strictObject({}),
  options: z.strictObject({ plane: planesOption, home: homeOption }),
  examples: [
    { command: "triplane down", what: "everything" },
    { command: "triplane down --plane signing", what: "only the keeper: ops then wait for it, or for `triplane keeper admit`" },
  ],
  run: async ({ options }, context) => {
    const { layout, workspace } = await openHome(options.home, context);
    const planes = chosenPlanes(options.plane);
    const stopped: string[] = [];
    for (const plane of planes.toReversed()) stopped.push(...(await takeDown(plane, layout)));
    if (planes.includes("workload")) await stopComponents(layout, workspace);
    return { planes, stopped };
  },
  render: ({ stopped }) => (stopped.length === 0 ? "Nothing was running." : `Stopped: ${stopped.join(", ")}.`),
});
