// The public names of the CLI, for the generator of its reference page and for tests; nothing else imports the CLI.
export { referencePage } from "./framework/reference.ts";
export { KEEPER_PROGRAM, PROGRAM } from "./program.ts";
