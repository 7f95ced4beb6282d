// triplane why: what stands behind an invariant, a decision, a part of the system or a file of it.
import { existsSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Explanation, Subjects } from "@triplane/reflection";
import { z } from "zod";
import { defineCommand } from "../../framework/command.ts";
import { flag, text } from "../../framework/parameters.ts";
import { PRODUCT_ROOT } from "../../home/layout.ts";
import { renderExplanation } from "./render.ts";
import { renderSubjects } from "./render-subjects.ts";

export const whyCommand = defineCommand({
  description:
    "Of an invariant, or of another rule that a decision made: the sentence, the decisions, the lines of code that keep it, found by reading the source now, and the checks that fail when it is broken. Of a decision (adr-037): all of it. Of a node of the ontology: its files, and what it rests on. Of a source file: the node that it belongs to, and what it cites.\n\nWithout a name it lists what can be asked about.",
  args: z.strictObject({ name: text("NAME", "An invariant, constraint, decision, node, or file").optional() }),
  options: z.strictObject({
    all: flag("Every line and every test, however many"),
    root: text("DIR", "The checkout that holds provisioning/; default: the one that this program runs from").optional(),
  }),
  examples: [
    { command: "triplane why", what: "what can be asked about" },
    { command: "triplane why runner-always-destroyed", what: "an invariant: decisions, code, checks" },
    { command: "triplane why adr-037", what: "a decision" },
    { command: "triplane why packages/policy/src/decide.ts --json", what: "a file, for a script" },
  ],
  run: async ({ args, options }, { cwd }) => {
    const { openKnowledge, subjectsOf, why } = await import("@triplane/reflection");
    const root = options.root === undefined ? PRODUCT_ROOT : resolve(cwd, options.root);
    const knowledge = openKnowledge(root);
    return { ...(args.name === undefined ? subjectsOf(knowledge) : why(knowledge, fromRoot(args.name, cwd, root))), all: options.all };
  },
  render: ({ all, ...about }: (Explanation | Subjects) & { readonly all: boolean }) =>
    about.kind === "subjects" ? renderSubjects(about) : renderExplanation(about, all),
});

/** A path as people type it, from where they are, is one from the root. */
function fromRoot(name: string, cwd: string, root: string): string {
  const path = relative(root, resolve(cwd, name)).split(sep).join("/");
  return name.includes("/") && path !== "" && !path.startsWith("..") && existsSync(join(root, path)) ? path : name;
}
