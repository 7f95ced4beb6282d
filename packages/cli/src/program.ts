// All commands of `triplane`, in the order in which help lists them. Each is loaded when it is wanted, so that the program is never
// larger than the command that runs.
import { BUILD_COMMANDS } from "./commands/build/index.ts";
import { VALIDATE_COMMANDS } from "./commands/validate/index.ts";
import { type Listing, listed, loadCommands } from "./framework/listing.ts";
import type { Program } from "./framework/shell.ts";

const VERSION = "0.1.0";

const ONTOREF_NOUNS = {
  run: "Run modes: start, execute, look, cancel",
  step: "Close steps of runs",
  mode: "List, show, check and draw modes",
} as const;

const NOUNS = {
  op: "Plan, sign, send and follow ops",
  keeper: "Review ops: list, show, approve, reject, admit",
  "break-glass": "Act alone with a sealed key, and see who did",
  policy: "Check, explain, test and simulate policies",
  governance: "Govern policy and desired state together: propose, approve, delegates, remotes",
  desired: "Change the desired state from a pipeline",
  build: "Build images on machines that live as long as the build, and see what is leased",
  ledger: "Verify and read the ledger, and rebuild from it",
  seed: "Replicate the repositories with Radicle",
  registry: "Set up the registry for images, compiled objects and crates",
  golden: "Build, prove, promote and watch the images that runners are made from",
  keys: "Make, lock, replace and show signing keys",
  playbook: "Run procedures: dry, confirmed where they destroy, each with a receipt",
  access: "Give and take the credentials that let people and programs reach a workspace",
  check: "Check a workspace from the outside",
  ...ONTOREF_NOUNS,
  validate: "Check whether the invariants hold today, and see since when",
} as const;

const KEEPER_COMMANDS: readonly Listing[] = [
  listed("keeper list", "List the ops that wait for people", () => import("./commands/keeper/list.ts").then((module) => module.keeperList)),
  listed("keeper show", "Show an op that waits for people, and what the policy says of it", () =>
    import("./commands/keeper/show.ts").then((module) => module.keeperShow),
  ),
  listed("keeper approve", "Approve an op that waits for people", () =>
    import("./commands/keeper/speak.ts").then((module) => module.keeperApprove),
  ),
  listed("keeper reject", "Reject an op that waits for people", () =>
    import("./commands/keeper/speak.ts").then((module) => module.keeperReject),
  ),
  listed("keeper admit", "Decide ops by hand, as the keeper would", () =>
    import("./commands/keeper/admit.ts").then((module) => module.keeperAdmit),
  ),
];

const GOVERNANCE_COMMANDS: readonly Listing[] = [
  listed("governance init", "Found a workspace that several people govern", () =>
    import("./commands/governance/init.ts").then((module) => module.governanceInit),
  ),
  listed("governance pin", "Print what an outsider has to know before they believe anything", () =>
    import("./commands/governance/pin.ts").then((module) => module.governancePin),
  ),
  listed("governance join", "Make a home for somebody who will govern too", () =>
    import("./commands/governance/join.ts").then((module) => module.governanceJoin),
  ),
  listed("governance clone", "Make a verified copy without a key", () =>
    import("./commands/governance/join.ts").then((module) => module.governanceClone),
  ),
  listed("governance status", "Show who decides, what waits for whom, and whether enough can still sign", () =>
    import("./commands/governance/status.ts").then((module) => module.governanceStatusCommand),
  ),
  listed("governance checkout", "Write the approved policy or desired state into a folder, to change it there", () =>
    import("./commands/governance/checkout.ts").then((module) => module.governanceCheckout),
  ),
  listed("governance propose", "Propose a change of policy or desired state", () =>
    import("./commands/governance/propose.ts").then((module) => module.governancePropose),
  ),
  listed("governance show", "Show what a proposal changes, and what it would have meant", () =>
    import("./commands/governance/show.ts").then((module) => module.governanceShow),
  ),
  listed("governance approve", "Approve a proposal that you read", () =>
    import("./commands/governance/vote.ts").then((module) => module.governanceApprove),
  ),
  listed("governance reject", "Say no to a proposal, and take your approval back", () =>
    import("./commands/governance/vote.ts").then((module) => module.governanceReject),
  ),
  listed("governance keys", "Show which keys are somebody's, and where they decide", () =>
    import("./commands/governance/keys.ts").then((module) => module.governanceKeys),
  ),
  listed("governance delegates", "Change who governs and how many decide", () =>
    import("./commands/governance/delegates.ts").then((module) => module.governanceDelegates),
  ),
  listed("governance wait", "Wait until what was proposed is approved", () =>
    import("./commands/governance/wait.ts").then((module) => module.governanceWait),
  ),
  listed("governance fetch", "Take in what others signed", () =>
    import("./commands/governance/exchange.ts").then((module) => module.governanceFetch),
  ),
  listed("governance push", "Send what you signed", () =>
    import("./commands/governance/exchange.ts").then((module) => module.governancePush),
  ),
  listed("governance verify", "Verify the governed repositories from their bytes", () =>
    import("./commands/governance/verify.ts").then((module) => module.governanceVerify),
  ),
];

const GOLDEN_COMMANDS: readonly Listing[] = [
  listed("golden build", "Build an image, prove it on a canary, and make it current", () =>
    import("./commands/golden/build.ts").then((module) => module.goldenBuild),
  ),
  listed("golden status", "Show which images there are, and whether the current one is too old", () =>
    import("./commands/golden/status.ts").then((module) => module.goldenStatusCommand),
  ),
  listed("golden promote", "Make a proven candidate current", () =>
    import("./commands/golden/change.ts").then((module) => module.goldenPromote),
  ),
  listed("golden rollback", "Make the previous image current again", () =>
    import("./commands/golden/change.ts").then((module) => module.goldenRollback),
  ),
  listed("golden prune", "Remove images that nobody keeps, and what a command that died left", () =>
    import("./commands/golden/change.ts").then((module) => module.goldenPrune),
  ),
];

const ONTOREF_COMMANDS: readonly Listing[] = [
  listed("run start", "Open a run of a mode, and say what is ready", () =>
    import("./commands/run/start.ts").then((module) => module.runStart),
  ),
  listed("run exec", "Run the commands of a mode's steps", () => import("./commands/run/exec.ts").then((module) => module.runExec)),
  listed("run status", "Show what is ready in the open runs", () => import("./commands/run/look.ts").then((module) => module.runStatus)),
  listed("run list", "List all runs", () => import("./commands/run/look.ts").then((module) => module.runList)),
  listed("run show", "Show a run with its evidence", () => import("./commands/run/look.ts").then((module) => module.runShow)),
  listed("run cancel", "Close a run that nobody will finish", () => import("./commands/run/look.ts").then((module) => module.runCancel)),
  listed("step report", "Close a step, and say what became ready", () =>
    import("./commands/step/report.ts").then((module) => module.stepReport),
  ),
  listed("describe", "Say what the system is, read from the code and the ontology", () =>
    import("./commands/mode/describe.ts").then((module) => module.describe),
  ),
  listed("mode list", "List the modes", () => import("./commands/mode/look.ts").then((module) => module.modeList)),
  listed("mode show", "Show the steps of a mode", () => import("./commands/mode/look.ts").then((module) => module.modeShow)),
  listed("mode check", "Check a mode's file", () => import("./commands/mode/look.ts").then((module) => module.modeCheck)),
  listed("mode graph", "Draw the steps of a mode", () => import("./commands/mode/graph.ts").then((module) => module.modeGraph)),
];

const COMMANDS: readonly Listing[] = [
  listed("init", "Make a local workspace: keys, NATS identities, three governed repositories", () =>
    import("./commands/init.ts").then((module) => module.init),
  ),
  listed("up", "Start the planes of the workspace as processes and keep them running", () =>
    import("./commands/up.ts").then((module) => module.up),
  ),
  listed("down", "Stop the planes of the workspace", () => import("./commands/down.ts").then((module) => module.down)),
  listed("status", "Show what runs, what waits, what was alarmed, and where the ledger stands", () =>
    import("./commands/status.ts").then((module) => module.status),
  ),
  listed("scrape-targets", "Print where the daemons export metrics, for Prometheus", () =>
    import("./commands/scrape-targets.ts").then((module) => module.scrapeTargets),
  ),
  listed("drift", "Compare what there is with the approved desired state", () =>
    import("./commands/drift.ts").then((module) => module.drift),
  ),
  listed("doctor", "Check the tools that Triplane uses, and say how to get what is missing", () =>
    import("./commands/doctor.ts").then((module) => module.doctor),
  ),
  listed("demo", "Show the whole thing on real processes, then clean up", () => import("./commands/demo.ts").then((module) => module.demo)),
  listed("op plan", "Show what an op would do now", () => import("./commands/op/plan.ts").then((module) => module.opPlan)),
  listed("op submit", "Plan an op, sign it, and send it to the keeper", () =>
    import("./commands/op/submit.ts").then((module) => module.opSubmit),
  ),
  listed("op show", "Show an op of your outbox", () => import("./commands/op/show.ts").then((module) => module.opShow)),
  listed("op list", "List the ops of your outbox, oldest first", () => import("./commands/op/list.ts").then((module) => module.opList)),
  listed("op wait", "Wait until an op of yours has its outcome", () => import("./commands/op/wait.ts").then((module) => module.opWait)),
  listed("op resend", "Send again every op of yours that has no outcome", () =>
    import("./commands/op/resend.ts").then((module) => module.opResend),
  ),
  listed("op cancel", "Withdraw an op of yours that waits in review", () =>
    import("./commands/op/cancel.ts").then((module) => module.opCancel),
  ),
  listed("mcp", "Let an AI agent in, over the Model Context Protocol", () => import("./commands/mcp.ts").then((module) => module.mcp)),
  ...KEEPER_COMMANDS,
  listed("break-glass sign", "Sign an op that a sealed key lets through alone", () =>
    import("./commands/break-glass/sign.ts").then((module) => module.breakGlassSign),
  ),
  listed("break-glass send", "Hand it to the controller, past the keeper", () =>
    import("./commands/break-glass/send.ts").then((module) => module.breakGlassSend),
  ),
  listed("break-glass apply", "Apply it on the controller's machine, past the broker", () =>
    import("./commands/break-glass/apply.ts").then((module) => module.breakGlassApply),
  ),
  listed("break-glass list", "List who broke the glass, and who is frozen for it", () =>
    import("./commands/break-glass/list.ts").then((module) => module.breakGlassList),
  ),
  listed("policy check", "Check a policy file", () => import("./commands/policy/check.ts").then((module) => module.policyCheck)),
  listed("policy explain", "Say what the approved policy decides about an op, rule by rule", () =>
    import("./commands/policy/explain.ts").then((module) => module.policyExplain),
  ),
  listed("policy test", "Run the cases of keeper_policy.test.ncl against the policy", () =>
    import("./commands/policy/test.ts").then((module) => module.policyTest),
  ),
  listed("policy simulate", "Run a proposed policy over the ledger's past ops", () =>
    import("./commands/policy/simulate.ts").then((module) => module.policySimulate),
  ),
  listed("policy amend", "Change who holds which key, in a folder with the policy's files", () =>
    import("./commands/policy/amend.ts").then((module) => module.policyAmend),
  ),
  listed("policy weakest", "Show the weakest path to each approval", () =>
    import("./commands/policy/weakest.ts").then((module) => module.policyWeakest),
  ),
  ...GOVERNANCE_COMMANDS,
  listed("desired set-image", "Change the image of a component, as a rule of the policy lets an automation", () =>
    import("./commands/desired/set-image.ts").then((module) => module.desiredSetImage),
  ),
  ...BUILD_COMMANDS,
  listed("ledger verify", "Verify a ledger from its bytes", () =>
    import("./commands/ledger/verify.ts").then((module) => module.ledgerVerify),
  ),
  listed("ledger readjudicate", "Make every past decision again under the policy it names, and list what differs", () =>
    import("./commands/ledger/readjudicate.ts").then((module) => module.ledgerReadjudicate),
  ),
  listed("ledger log", "List the records of the ledger, newest first", () =>
    import("./commands/ledger/log.ts").then((module) => module.ledgerLog),
  ),
  listed("ledger path", "Print the folder of the ledger's repository", () =>
    import("./commands/ledger/path.ts").then((module) => module.ledgerPath),
  ),
  listed("ledger replay", "Rebuild from the ledger what the workspace has lost", () =>
    import("./commands/ledger/replay.ts").then((module) => module.ledgerReplay),
  ),
  listed("seed run", "Run a Radicle node that replicates the workspace's repositories", () =>
    import("./commands/seed/run.ts").then((module) => module.seedRun),
  ),
  listed("seed status", "Show where the copies of seeds stand, by signed refs", () =>
    import("./commands/seed/status.ts").then((module) => module.seedStatus),
  ),
  listed("seed address", "Print the address of a seed", () =>
    import("./commands/seed/address.ts").then((module) => module.seedAddressCommand),
  ),
  listed("receipt", "Make the receipt of an op", () => import("./commands/receipt.ts").then((module) => module.receipt)),
  listed("verify", "Verify a receipt", () => import("./commands/verify.ts").then((module) => module.verify)),
  listed("check invariants", "Check every invariant of a workspace from the outside, with evidence", () =>
    import("./commands/check/invariants.ts").then((module) => module.checkInvariantsCommand),
  ),
  ...VALIDATE_COMMANDS,
  listed("why", "Show what stands behind an invariant: decisions, code, checks", () =>
    import("./commands/why/why.ts").then((module) => module.whyCommand),
  ),
  listed("keys new", "Make an Ed25519 signing key", () => import("./commands/keys/new.ts").then((module) => module.keysNew)),
  listed("keys encrypt", "Put a key file under a passphrase", () => import("./commands/keys/lock.ts").then((module) => module.keysEncrypt)),
  listed("keys decrypt", "Take the passphrase off a key file", () =>
    import("./commands/keys/lock.ts").then((module) => module.keysDecrypt),
  ),
  listed("keys rotate", "Put a new key in the place of the keeper's or the controller's", () =>
    import("./commands/keys/rotate.ts").then((module) => module.keysRotate),
  ),
  listed("keys show", "Show the DIDs of your keys", () => import("./commands/keys/show.ts").then((module) => module.keysShow)),
  listed("playbook list", "List the procedures that there are", () =>
    import("./commands/playbook/list.ts").then((module) => module.playbookList),
  ),
  listed("playbook show", "Show a playbook, or a run that waits for confirmations", () =>
    import("./commands/playbook/show.ts").then((module) => module.playbookShow),
  ),
  listed("playbook run", "Run a playbook, dry or for real", () =>
    import("./commands/playbook/run.ts").then((module) => module.playbookRun),
  ),
  listed("playbook confirm", "Say yes, with your signature, to a run that destroys something", () =>
    import("./commands/playbook/confirm.ts").then((module) => module.playbookConfirm),
  ),
  listed("playbook receipts", "List the runs of playbooks, and their receipts", () =>
    import("./commands/playbook/receipts.ts").then((module) => module.playbookReceipts),
  ),
  listed("playbook verify", "Verify the receipt of a playbook's run", () =>
    import("./commands/playbook/verify.ts").then((module) => module.playbookVerify),
  ),
  listed("access list", "List whom the policy lists, and who has access", () =>
    import("./commands/access/list.ts").then((module) => module.accessList),
  ),
  listed("access add", "Give somebody whom the policy lists credentials for bus and orchestrator", () =>
    import("./commands/access/add.ts").then((module) => module.accessAdd),
  ),
  listed("access remove", "Take the credentials of somebody whom the policy lists no longer", () =>
    import("./commands/access/remove.ts").then((module) => module.accessRemove),
  ),
  listed("registry zot-config", "Make zot's configuration for the namespaces of the registry", () =>
    import("./commands/registry/zot-config.ts").then((module) => module.registryZotConfig),
  ),
  listed("registry credential", "Make, replace or remove a long-lived credential of the registry", () =>
    import("./commands/registry/credential.ts").then((module) => module.registryCredential),
  ),
  listed("registry mirror-crates", "Put the crates of a lock file into the registry, from cargo's downloads", () =>
    import("./commands/registry/mirror-crates.ts").then((module) => module.registryMirrorCrates),
  ),
  ...GOLDEN_COMMANDS,
  ...ONTOREF_COMMANDS,
  listed("completion", "Print a completion script for your shell", async () => {
    const { completionCommand } = await import("./commands/completion.ts");
    return completionCommand("triplane", () => loadCommands(COMMANDS), NOUNS);
  }),
];

export const PROGRAM: Program = {
  name: "triplane",
  version: VERSION,
  description: "Governed operations for self-hosted infrastructure: signed, admitted, applied once, provable.",
  commands: COMMANDS,
  nouns: NOUNS,
};

/** The same commands without their noun, for people who only review. */
export const KEEPER_PROGRAM: Program = {
  name: "keeper-cli",
  version: VERSION,
  description: "Review ops of a workspace: what waits for people, what the policy says of it, your signature on it.",
  commands: KEEPER_COMMANDS.map((command) => ({ ...command, noun: undefined, name: command.verb })),
  nouns: {},
};

/** Modes and their runs, for agents, people and CI. */
export const ONTOREF_PROGRAM: Program = {
  name: "ontoref",
  version: VERSION,
  description: "Modes: graphs of steps that describe, check and change the system, and their runs.",
  commands: ONTOREF_COMMANDS,
  nouns: ONTOREF_NOUNS,
};
