// Options of hcloud-sim.
import { defineConfig, integer, option, port, text } from "@triplane/kit";
import { z } from "zod";

const factor = () =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,6}(?:\.\d{1,6})?$/.test(value) ? Number(value) : value),
    z.number().min(0.001).max(1_000_000),
  );

export const CONFIG = defineConfig({
  program: "hcloud-sim",
  summary: "Simulates the API of Hetzner Cloud, with faults on demand.",
  envPrefix: "HCLOUD_SIM",
  options: {
    port: option(port().default(8181), {
      description: "Port of the API and of the control API; 0 takes any free one.",
      placeholder: "PORT",
    }),
    host: option(text().default("127.0.0.1"), { description: "Address to listen on.", placeholder: "HOST" }),
    token: option(text().optional(), { description: "The one token that may do everything; absent, any token may.", secret: true }),
    readonlyToken: option(text().optional(), { description: "A token that may only read.", secret: true }),
    speed: option(factor().default(1), {
      description: "How many times faster than the real cloud servers are made, started and deleted.",
      placeholder: "FACTOR",
    }),
    rateLimit: option(integer({ min: 1, max: 1_000_000 }).default(3600), { description: "Calls an hour.", placeholder: "COUNT" }),
    serverLimit: option(integer({ min: 0, max: 100_000 }).default(1000), {
      description: "Most servers of the project.",
      placeholder: "COUNT",
    }),
    faults: option(text().optional(), {
      description: "A JSON file with faults to begin with, as /_sim/faults takes them.",
      placeholder: "FILE",
    }),
    stateFile: option(text().optional(), {
      description: "Where the project is kept between runs; absent, it is forgotten.",
      placeholder: "FILE",
    }),
    backer: option(text().optional(), {
      description: "An ES module whose export `backer` starts something real behind each server.",
      placeholder: "MODULE",
    }),
  },
});
