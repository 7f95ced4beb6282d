// All commands of `triplane`, in the order in which help lists them.
import { completionCommand } from "./commands/completion.ts";
import { keysNew } from "./commands/keys/new.ts";
import { keysShow } from "./commands/keys/show.ts";
import type { Command } from "./framework/command.ts";
import type { Program } from "./framework/shell.ts";

const NAME = "triplane";

const NOUNS = {
  keys: "signing keys",
} as const;

const COMMANDS: readonly Command[] = [keysNew, keysShow, completionCommand(NAME, () => COMMANDS, NOUNS)];

export const PROGRAM: Program = {
  name: NAME,
  version: "0.1.0",
  description: "Governed operations for self-hosted infrastructure: signed, admitted, applied once, provable.",
  commands: COMMANDS,
  nouns: NOUNS,
};
