// The public names of the mcp package.
export { type HttpOptions, type HttpServing, serveHttp } from "./http/serve.ts";
export type * from "./ports.ts";
export { mcpReference } from "./reference.ts";
export { serveStdio } from "./stdio.ts";
