// The options that every daemon has.
import { z } from "zod";
import { LOG_LEVELS } from "../log-levels.ts";
import { option, port, text, url } from "./option.ts";

export const COMMON_OPTIONS = {
  logLevel: option(z.enum(LOG_LEVELS).default("info"), {
    description: "Least severe log lines to write: debug, info, warn or error.",
    env: "TRIPLANE_LOG_LEVEL",
    placeholder: "LEVEL",
  }),
  healthPort: option(port().optional(), {
    description: "Port of /healthz and /metrics; 0 takes any free one; absent serves neither.",
    placeholder: "PORT",
  }),
  healthHost: option(text().default("127.0.0.1"), {
    description: "Address of /healthz and /metrics.",
    placeholder: "HOST",
  }),
  otlpEndpoint: option(url("http", "https").optional(), {
    description: "Collector that takes the spans of ops (OTLP over HTTP), e.g. http://127.0.0.1:4318; absent makes none.",
    env: "TRIPLANE_OTLP_ENDPOINT",
    placeholder: "URL",
  }),
};

export type CommonOptions = typeof COMMON_OPTIONS;
