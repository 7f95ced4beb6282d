// Fetches external tools: `npm run tools [NAME…] [--required] [--all] [--json]`. Progress on standard error, the answer on standard output.
import { parseArgs } from "node:util";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { doctor, type InstallEvent, installTool, isToolName, TOOLS, type Tool, toolNamed } from "@triplane/kit";

const USAGE = `usage: npm run tools -- [NAME…] [--required] [--all] [--json]
  NAME        ${TOOLS.map(({ name }) => name).join(", ")}
  --required  every tool that nothing runs without
  --all       every tool that each machine can have
  --json      print { "tools": [{ name, path, version }] }
  without any: list the tools, found or not
`;

interface Request {
  readonly tools: readonly Tool[];
  readonly json: boolean;
}

async function main(argv: readonly string[]): Promise<number> {
  let request: Request;
  try {
    request = parse(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  if (request.tools.length === 0) return await list(request.json);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  process.once("SIGTERM", () => interrupted.abort());
  const found = [];
  const failures: TriplaneError[] = [];
  for (const tool of request.tools) {
    try {
      found.push({ name: tool.name, ...(await installTool(tool, { signal: interrupted.signal, onEvent: report })) });
    } catch (error) {
      if (interrupted.signal.aborted) return 1;
      failures.push(toTriplaneError(error));
    }
  }
  for (const { code, message, hint } of failures) process.stderr.write(`${code}: ${message}\n  ${hint}\n`);
  if (request.json) process.stdout.write(`${JSON.stringify({ tools: found })}\n`);
  else for (const { name, version, path } of found) process.stdout.write(`${name} ${version} ${path}\n`);
  return failures.length === 0 ? 0 : 1;
}

function parse(argv: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { required: { type: "boolean" }, all: { type: "boolean" }, json: { type: "boolean" } },
  });
  const named = positionals.map((name) => {
    if (!isToolName(name)) throw new TriplaneError("usage", `there is no tool ${JSON.stringify(name)}`);
    return toolNamed(name);
  });
  const chosen = TOOLS.filter(
    (tool) => (values.all === true && tool.onlyByName !== true) || (values.required === true && tool.required) || named.includes(tool),
  );
  return { tools: chosen, json: values.json === true };
}

async function list(json: boolean): Promise<number> {
  const reports = await doctor();
  if (json) process.stdout.write(`${JSON.stringify({ tools: reports })}\n`);
  else {
    for (const tool of reports) {
      const state = tool.inRange ? `${tool.version} at ${tool.path}` : [tool.required ? "MISSING" : "missing", ...tool.rejected].join(", ");
      process.stdout.write(`${tool.name.padEnd(14)} ${state}\n${"".padEnd(15)}${tool.why}\n`);
      if (!tool.inRange) process.stdout.write(`${"".padEnd(15)}get it: ${tool.howToGet}\n`);
    }
  }
  return 0;
}

function report(event: InstallEvent): void {
  const line = progressLine(event);
  if (line !== undefined) process.stderr.write(`setup: ${event.tool}${line}\n`);
}

function progressLine(event: InstallEvent): string | undefined {
  switch (event.kind) {
    case "found":
      return undefined;
    case "trying":
      return `: ${event.source} …`;
    case "failed":
      return `: ${event.source} does not work here: ${event.reason}`;
    case "installed":
      return ` ${event.version} is there (${(event.ms / 1000).toFixed(1)} s)`;
  }
}

process.exitCode = await main(process.argv.slice(2));
