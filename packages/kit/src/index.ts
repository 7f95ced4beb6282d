// The public names of the kit.
export * from "./backoff.ts";
export * from "./clock.ts";
export * from "./config/command-line.ts";
export * from "./config/common.ts";
export * from "./config/define.ts";
export * from "./config/option.ts";
export * from "./config/render.ts";
export * from "./config/resolve.ts";
export * from "./daemon.ts";
export * from "./files.ts";
export * from "./health.ts";
export * from "./key-file.ts";
export * from "./logger.ts";
export * from "./metrics.ts";
export * from "./ports.ts";
export * from "./sleep.ts";
export * from "./tools/index.ts";
