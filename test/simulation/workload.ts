// What is asked of the workspace in one interleaving, drawn from the dice: ops of two people on one or two targets, and what should not be there.
import { digestOf, type Op } from "@triplane/contract";
import type { Dice } from "@triplane/testkit";
import { type OpDraft, opOf, type Submitter } from "./people.ts";

/** Bytes that somebody publishes as an op, as often as drawn. */
export interface Submission {
  readonly by: Submitter;
  readonly text: string;
  /** The jti, or the digest of bytes that are no op. */
  readonly subject: string;
  readonly op: Op | undefined;
  readonly afterMs: number;
  /** Sent again after these times. */
  readonly again: readonly { readonly afterMs: number }[];
}

export interface Workload {
  /** Of each submitter in order. */
  readonly submissions: readonly Submission[];
  /** Ops under review that people turn down. */
  readonly rejected: ReadonlySet<string>;
  /** An op whose admission is forged straight into the command stream. */
  readonly forged: Op | undefined;
  /** When the newer policy becomes the approved one; undefined for never. */
  readonly newPolicyAfterMs: number | undefined;
}

interface Imagined {
  version: number;
  replicas: number;
}

export function drawWorkload(dice: Dice): Workload {
  const targets = dice.chance(0.5) ? ["web"] : ["web", "api"];
  const imagined = new Map<string, Imagined>(targets.map((target) => [target, { version: 0, replicas: 0 }]));
  const numbers: Record<Submitter, number> = { ana: 0, ben: 0 };
  const rejected = new Set<string>();
  const submissions: Submission[] = [];
  const count = dice.between(1, 4);
  for (let index = 0; index < count; index += 1) {
    const by = dice.pick<Submitter>(["ana", "ana", "ben"]);
    numbers[by] += 1;
    const target = dice.pick(targets);
    const state = imagined.get(target) ?? { version: 0, replicas: 0 };
    const draft = { by, seq: numbers[by], target, version: state.version, ...drawKind(dice, state) };
    const op = opOf(draft);
    if (draft.op === "component.remove" && dice.chance(0.2)) rejected.add(op.claims.jti);
    else imagine(state, draft);
    submissions.push({ by, text: op.token.compact, subject: op.claims.jti, op, afterMs: drawMoment(dice), again: drawRepeats(dice) });
    if (dice.chance(0.04)) {
      const fork = opOf({ ...draft, op: "component.restart", args: {}, salt: "fork" });
      submissions.push({ by, text: fork.token.compact, subject: fork.claims.jti, op: fork, afterMs: drawMoment(dice), again: [] });
    }
  }
  if (dice.chance(0.04)) {
    const text = `this is no op ${dice.below(4)}`;
    submissions.push({ by: "ben", text, subject: digestOf(text), op: undefined, afterMs: drawMoment(dice), again: [] });
  }
  // Now and then somebody sends in the wrong order.
  const [first, second] = submissions;
  if (first !== undefined && second !== undefined && dice.chance(0.04)) submissions.splice(0, 2, second, first);
  return {
    submissions,
    rejected,
    forged: dice.chance(0.05)
      ? opOf({ by: "ana", seq: 1, op: "component.restart", target: "web", args: {}, version: 0, salt: "forged" })
      : undefined,
    newPolicyAfterMs: dice.chance(0.2) ? dice.between(0, 3000) : undefined,
  };
}

function drawKind(dice: Dice, state: Imagined): Pick<OpDraft, "op" | "args"> & { readonly livesS?: number } {
  if (dice.chance(0.08)) return { op: "job.run", args: {} };
  const other = state.replicas === 1 ? 2 : 1;
  if (state.replicas === 0) return { op: "component.deploy", args: { component: "worker", replicas: other } };
  const kind = dice.fraction();
  if (kind < 0.35) return { op: "component.restart", args: {} };
  if (kind < 0.6) return { op: "component.scale", args: { replicas: other } };
  if (kind < 0.75) return { op: "component.deploy", args: { component: "worker", replicas: other } };
  // Some of those that wait for people run out of time.
  return { op: "component.remove", args: {}, ...(dice.chance(0.3) ? { livesS: 20 } : {}) };
}

function imagine(state: Imagined, { op, args }: Pick<OpDraft, "op" | "args">): void {
  if (op === "job.run") return;
  state.version += 1;
  const replicas = args["replicas"];
  if (op === "component.remove") state.replicas = 0;
  else if (typeof replicas === "number") state.replicas = replicas;
}

function drawMoment(dice: Dice): number {
  return dice.chance(0.7) ? dice.between(0, 300) : dice.between(0, 5000);
}

function drawRepeats(dice: Dice): Submission["again"] {
  const repeats = dice.chance(0.3) ? dice.between(1, 2) : 0;
  return Array.from({ length: repeats }, () => ({ afterMs: dice.between(1, 9000) }));
}
