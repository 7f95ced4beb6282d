// What describes and resolves options, and the little else that short programs need: neither logger nor metrics, which take longer to load than they run.
export * from "./clock.ts";
export * from "./config/command-line.ts";
export * from "./config/define.ts";
export * from "./config/option.ts";
export * from "./config/render.ts";
export * from "./config/resolve.ts";
export * from "./files.ts";
export * from "./sleep.ts";
