// triplane doctor: which tools are there, and how to get those that are not.
import { doctor as inspectTools } from "@triplane/kit";
import { z } from "zod";
import { defineCommand } from "../framework/command.ts";
import { table } from "../framework/table.ts";

export const doctor = defineCommand({
  args: z.strictObject({}),
  options: z.strictObject({}),
  examples: [
    { command: "triplane doctor", what: "a table of all tools" },
    { command: "triplane doctor --json", what: "the same for a script; exit code 1 if a needed tool is missing" },
  ],
  run: async () => ({ tools: await inspectTools() }),
  render: ({ tools }) => {
    const rows = tools.map((tool) => [
      tool.name,
      tool.inRange ? "✔" : tool.required ? "✘ needed" : "– optional",
      tool.version ?? "",
      tool.range,
      tool.neededFor.join(", "),
      tool.path ?? "",
    ]);
    const missing = tools.filter((tool) => !tool.inRange);
    return [
      table(["TOOL", "", "VERSION", "WANTED", "NEEDED FOR", "FOUND AT"], rows),
      ...missing.flatMap((tool) => [
        "",
        `${tool.name}: ${tool.why}`,
        ...tool.rejected.map((line) => `  found, but ${line}`),
        `  get it: ${tool.howToGet}`,
      ]),
    ].join("\n");
  },
  failed: ({ tools }) => tools.some((tool) => tool.required && !tool.inRange),
});
