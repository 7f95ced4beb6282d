// A daemon for the tests of signals: it drains, hangs while it drains, or has a defect.
import { z } from "zod";
import { defineConfig } from "../config/define.ts";
import { option } from "../config/option.ts";
import { runDaemon } from "../daemon.ts";

const CONFIG = defineConfig({
  program: "example-daemon",
  summary: "Behaves as told.",
  envPrefix: "TRIPLANE_EXAMPLE",
  options: { behaviour: option(z.enum(["drain", "hang", "defect"]), { description: "What it does." }) },
});

process.exitCode = await runDaemon(
  {
    name: "example-daemon",
    config: CONFIG,
    start: async ({ config, logger }) => {
      // Holds the event loop open, as a server would.
      const open = setInterval(() => undefined, 1_000);
      if (config.behaviour === "defect") setTimeout(() => void Promise.reject(new Error("nobody caught this")), 50);
      return {
        done: new Promise<void>(() => undefined),
        stop: async () => {
          if (config.behaviour === "hang") await new Promise(() => undefined);
          clearInterval(open);
          logger.info({}, "drained");
        },
      };
    },
  },
  { argv: process.argv.slice(2), env: process.env },
);
