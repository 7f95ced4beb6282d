// triplane init: make a local workspace.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../framework/command.ts";
import { flag, integer, text } from "../framework/parameters.ts";
import { facts } from "../framework/table.ts";
import { createHome } from "../home/create-home.ts";
import { anyPlaneRuns } from "../planes/launch.ts";
import { homeOption, layoutFor } from "./home-option.ts";

export const init = defineCommand({
  description:
    "Creates the home folder of a workspace: signing keys of its operators, its agent, its automation, its keeper and its controller; an identity on the bus for each; the repositories of policy, desired state and ledger, the first two approved by two operators; access tokens and ports.\n\nAll keys lie on this machine, in this folder. That is for learning and for trying things out. In production every person keeps their own key, the keeper has a machine of its own, and four eyes are on two machines.",
  args: z.strictObject({}),
  options: z.strictObject({
    workspace: text("NAME", "Workspace, a folder of provisioning/workspaces").default("libre-wuji"),
    portBase: integer("PORT", "First of 40 ports on loopback (default: a free block from 24000 on, by the folder)", {
      min: 1024,
      max: 65_000,
    }).optional(),
    force: flag("Replace a home that exists, with its keys and its ledger"),
    home: homeOption,
  }),
  examples: [
    { command: "triplane init", what: "a workspace libre-wuji in ./.triplane" },
    { command: "triplane init --home /tmp/try --port-base 25000", what: "in another folder, on ports of your choice" },
  ],
  run: async ({ options }, context) => {
    const layout = layoutFor(options.home, context);
    if (options.force && (await anyPlaneRuns(layout)))
      throw new TriplaneError("home_exists", `${layout.root} is in use`, { hint: "`triplane down` first." });
    const workspace = await createHome({
      root: layout.root,
      workspace: options.workspace,
      clock: context.clock,
      random: context.random,
      force: options.force,
      portBase: options.portBase,
      progress: context.progress,
    });
    return { home: layout.root, workspace: workspace.workspace, pins: workspace.pins, people: workspace.people, ports: workspace.ports };
  },
  render: (made) =>
    [
      `Workspace ${made.workspace} is ready in ${made.home}`,
      "",
      facts([
        ["operators", made.people.operators.join(", ")],
        ["agents", made.people.agents.join(", ")],
        ["automations", made.people.automations.join(", ")],
        ["policy", made.pins.policy.rid],
        ["desired state", made.pins.desired.rid],
        ["ledger", made.pins.state.rid],
        ["controller", made.pins.controller],
        ["ports", `${made.ports.nats} to ${made.ports.componentsTo} on loopback`],
      ]),
      "",
      "This is a local workspace: all keys lie on this machine, in that folder. It is for learning, not for production.",
      "Next: `triplane up`, then `triplane status` in another shell.",
    ].join("\n"),
});
