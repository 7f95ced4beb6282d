// ontoref describe: what the system is, read now.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { table } from "../../framework/table.ts";
import { factsOf } from "../../ontoref/facts.ts";
import { openModesFor, ROOT_SHAPE } from "../../ontoref/open.ts";

export const describe = defineCommand({
  description:
    "Planes, the way of an op, streams, repositories, sizes of builds, namespaces of the registry, invariants, parts, modes, playbooks, workspaces. Each is read from the code, the ontology or the folder that it is about; nothing is written down a second time.",
  args: z.strictObject({ topic: text("TOPIC", "Only this topic").optional() }),
  options: z.strictObject(ROOT_SHAPE),
  examples: [
    { command: "ontoref describe", what: "everything, with where each line was read" },
    { command: "ontoref describe invariants --json", what: "one topic as data" },
  ],
  run: async ({ args: { topic }, options }, context) => {
    const modes = await openModesFor(options, context);
    const all = await factsOf(modes.root, modes);
    const facts = topic === undefined ? all : all.filter((fact) => fact.topic === topic);
    if (facts.length === 0)
      throw new TriplaneError("usage", `there is no topic ${topic}; there are ${[...new Set(all.map((fact) => fact.topic))].join(", ")}`);
    return { facts };
  },
  render: ({ facts }) =>
    table(
      ["TOPIC", "NAME", "WHAT", "READ IN"],
      facts.map(({ topic, name, what, source }) => [topic, name, what.slice(0, 160), source]),
    ),
});
