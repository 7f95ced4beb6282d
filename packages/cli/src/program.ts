// All commands of `triplane`, in the order in which help lists them.
import { checkInvariantsCommand } from "./commands/check/invariants.ts";
import { completionCommand } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { init } from "./commands/init.ts";
import { keeperAdmit } from "./commands/keeper/admit.ts";
import { keeperList } from "./commands/keeper/list.ts";
import { keeperShow } from "./commands/keeper/show.ts";
import { keeperApprove, keeperReject } from "./commands/keeper/speak.ts";
import { keysNew } from "./commands/keys/new.ts";
import { keysShow } from "./commands/keys/show.ts";
import { ledgerLog } from "./commands/ledger/log.ts";
import { ledgerPath } from "./commands/ledger/path.ts";
import { ledgerReplay } from "./commands/ledger/replay.ts";
import { ledgerVerify } from "./commands/ledger/verify.ts";
import { opCancel } from "./commands/op/cancel.ts";
import { opList } from "./commands/op/list.ts";
import { opPlan } from "./commands/op/plan.ts";
import { opResend } from "./commands/op/resend.ts";
import { opShow } from "./commands/op/show.ts";
import { opSubmit } from "./commands/op/submit.ts";
import { opWait } from "./commands/op/wait.ts";
import { policyCheck } from "./commands/policy/check.ts";
import { policyExplain } from "./commands/policy/explain.ts";
import { policyTest } from "./commands/policy/test.ts";
import { receipt } from "./commands/receipt.ts";
import { status } from "./commands/status.ts";
import { up } from "./commands/up.ts";
import { verify } from "./commands/verify.ts";
import type { Command } from "./framework/command.ts";
import type { Program } from "./framework/shell.ts";

const VERSION = "0.1.0";

const NOUNS = {
  op: "Plan, sign, send and follow ops",
  keeper: "Review ops: list, show, approve, reject, admit",
  policy: "Check, explain and test policies",
  ledger: "Verify and read the ledger, and rebuild from it",
  keys: "Make and show signing keys",
  check: "Check a workspace from the outside",
} as const;

const KEEPER_COMMANDS = [keeperList, keeperShow, keeperApprove, keeperReject, keeperAdmit];

const COMMANDS: readonly Command[] = [
  init,
  up,
  down,
  status,
  doctor,
  demo,
  opPlan,
  opSubmit,
  opShow,
  opList,
  opWait,
  opResend,
  opCancel,
  ...KEEPER_COMMANDS,
  policyCheck,
  policyExplain,
  policyTest,
  ledgerVerify,
  ledgerLog,
  ledgerPath,
  ledgerReplay,
  receipt,
  verify,
  checkInvariantsCommand,
  keysNew,
  keysShow,
  completionCommand("triplane", () => COMMANDS, NOUNS),
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
