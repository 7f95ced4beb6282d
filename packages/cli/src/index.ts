// The public names of the CLI, for the generator of its reference page and for tests; nothing else imports the CLI.
export { asReviewer } from "./commands/keeper/options.ts";
export { leftovers } from "./demo/leftovers.ts";
export { type OpTold, World } from "./demo/world.ts";
export { referencePage } from "./framework/reference.ts";
export { withSubmitter } from "./people/person.ts";
export { KEEPER_PROGRAM, PROGRAM } from "./program.ts";
