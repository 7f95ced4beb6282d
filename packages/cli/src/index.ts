// The public names of the CLI, for the generator of its reference page and for tests; nothing else imports the CLI.
export { asReviewer } from "./commands/keeper/options.ts";
export { leftovers } from "./demo/leftovers.ts";
export { playScene, type Scene, type SceneResult, type Teller } from "./demo/scene.ts";
export { openTimeline, type Timeline } from "./demo/timeline.ts";
export { type OpTold, World } from "./demo/world.ts";
export { runCaptured } from "./framework/captured.ts";
export { loadCommands } from "./framework/listing.ts";
export { referencePage } from "./framework/reference.ts";
export { type HomeLayout, homeLayout } from "./home/layout.ts";
export { readWorkspaceFile, type WorkspaceFile } from "./home/workspace-file.ts";
export { connectAs, identityOf } from "./people/connect.ts";
export { type Person, personAt, planOp, withSubmitter } from "./people/person.ts";
export { actorFor } from "./people/who.ts";
export { askHealth } from "./planes/health.ts";
export { planeStages } from "./planes/plane-stages.ts";
export { childEnvironment, type ProcessSpec } from "./planes/process-spec.ts";
export { KEEPER_PROGRAM, ONTOREF_PROGRAM, PROGRAM } from "./program.ts";
export { surroundingsOf } from "./validation/surroundings.ts";
