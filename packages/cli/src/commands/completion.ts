// triplane completion: scripts with which a shell completes commands and options.
import { z } from "zod";
import { type Command, defineCommand } from "../framework/command.ts";
import { completionScript, SHELLS } from "../framework/completion.ts";
import type { ListedCommand } from "../framework/listing.ts";
import { oneOf } from "../framework/parameters.ts";

/** The commands come as a function because this command is one of them. */
export function completionCommand(
  name: string,
  commands: () => Promise<readonly ListedCommand[]>,
  nouns: Readonly<Record<string, string>>,
): Command {
  return defineCommand({
    args: z.strictObject({ shell: oneOf(SHELLS, "SHELL", "The shell") }),
    options: z.strictObject({}),
    json: false,
    examples: [
      { command: "source <(triplane completion bash)", what: "completion in this bash session" },
      { command: "triplane completion fish > ~/.config/fish/completions/triplane.fish", what: "completion in fish, for good" },
    ],
    run: async ({ args }) => completionScript(args.shell, name, await commands(), nouns),
    render: (script) => script.trimEnd(),
  });
}
