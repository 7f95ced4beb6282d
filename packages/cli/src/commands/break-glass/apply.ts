// triplane break-glass apply: on the controller's machine, past the broker.
import { join, resolve } from "node:path";
import { applyGlassHere } from "@triplane/controller";
import { silentLogger } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { duration, text } from "../../framework/parameters.ts";
import { facts, utc } from "../../framework/table.ts";
import { homeOption, layoutFor } from "../home-option.ts";
import { fileArg, readSigned } from "./files.ts";

const DEFAULT_WAIT_S = 120;

export const breakGlassApply = defineCommand({
  description:
    "For the time without a broker: does for one op what the controller would, with the controller's own configuration and key, while no controller holds its database (`store_locked` otherwise). It verifies the admission, stores it with its alarm, applies it through the orchestrator under a fencing number above the last one, and keeps the signed record in the outbox. The controller publishes both when it is back. Only admissions that break the glass go this way.",
  args: z.strictObject({ file: fileArg }),
  options: z.strictObject({
    config: text("FILE", "The controller's configuration file (default: the home's)").optional(),
    waitFor: duration("How long to wait for the orchestrator (default: 2m); the controller goes on with it").optional(),
    home: homeOption,
  }),
  examples: [
    { command: "triplane break-glass apply ./night.jwt", what: "in a local workspace" },
    {
      command: "triplane break-glass apply ./night.jwt --config /etc/triplane/ops-controller.json",
      what: "on a server, as the controller's user",
    },
  ],
  run: async ({ args, options }, context) => {
    const compact = await readSigned(args.file, context);
    const own = (): string => join(layoutFor(options.home, context).controller, "config.json");
    const { env, clock, random, signal } = context;
    return await applyGlassHere({
      ...{ compact, configFile: options.config === undefined ? own() : resolve(context.cwd, options.config) },
      ...{ env, clock, random, signal, logger: silentLogger, waitMs: (options.waitFor ?? DEFAULT_WAIT_S) * 1000 },
    });
  },
  render: ({ jti, fence, outcome, code, ratifyByS }) =>
    facts([
      ["op", jti],
      [
        "outcome",
        outcome === undefined ? "accepted; the controller goes on with it" : `${outcome}${code === undefined ? "" : `: ${code}`}`,
      ],
      ["fence", String(fence)],
      ...(ratifyByS === undefined ? [] : [["ratify", `until ${utc(ratifyByS)}: name ${jti} in the policy's list ratified`] as const]),
    ]),
  failed: ({ outcome }) => outcome !== undefined && outcome !== "applied",
});
