// A model of one op's way from the keeper over the controller to the mirror, with the order of steps as a parameter: section 4.3 of the
// facts on reliability. Processes die at every step, answers get lost, the operator sends twice, the controller loses its database.
import type { Model, Move } from "./explorer.ts";

/** What a variant does otherwise than the reference. */
export interface Order {
  readonly keeperAcksFirst?: boolean;
  readonly controllerAcksFirst?: boolean;
  readonly controllerAcksLast?: boolean;
  readonly appliesBeforePersist?: boolean;
  readonly looksForNothingAtStart?: boolean;
  readonly applyIsNotIdempotent?: boolean;
  /** What is published has a message id, under which the broker takes a second one for known and does not store it. */
  readonly hasMessageIds?: boolean;
  /** Has message ids, and takes no second look at what came under a new one. */
  readonly trustsMessageId?: boolean;
  readonly hasNoOutbox?: boolean;
  readonly dropsKnownSilently?: boolean;
  readonly mirrorAcksFirst?: boolean;
  readonly mirrorDoesNotLookUp?: boolean;
  /** An old controller may go on beside the new one. */
  readonly zombie?: boolean;
  /** The broker may lose a message that it confirmed; the operator sends again until there is a receipt. */
  readonly brokerLoses?: boolean;
  /** The controller may lose its database; the operator sends again until there is a receipt. */
  readonly storeLoses?: boolean;
}

interface State {
  /** Messages on the three streams. */
  readonly pending: number;
  readonly cmd: number;
  readonly audit: number;
  /** Whether the broker knows the message ids of what was published there. */
  readonly knowsCmd: boolean;
  readonly knowsAudit: boolean;
  /** Where keeper, intake, applier, publisher and mirror are in their steps. */
  readonly keeper: number;
  readonly intake: number;
  readonly applier: number;
  readonly publisher: number;
  readonly mirror: number;
  /** In the controller's memory: the op has to be applied; something has to be published. */
  readonly queued: boolean;
  readonly woken: boolean;
  /** An old controller is about to apply. */
  readonly zombie: boolean;
  readonly row: "none" | "accepted" | "ended";
  readonly outbox: boolean;
  readonly effects: number;
  readonly ledger: number;
  readonly submitted: boolean;
  /** How often each may still happen. */
  readonly duplicates: number;
  readonly deaths: number;
  readonly lostAnswers: number;
  readonly amnesia: number;
  readonly losses: number;
  readonly zombies: number;
}

const START: State = {
  ...{ pending: 0, cmd: 0, audit: 0, knowsCmd: false, knowsAudit: false },
  ...{ keeper: 0, intake: 0, applier: 0, publisher: 0, mirror: 0, queued: false, woken: false, zombie: false },
  ...{ row: "none", outbox: false, effects: 0, ledger: 0, submitted: false },
  ...{ duplicates: 1, deaths: 2, lostAnswers: 1, amnesia: 1, losses: 0, zombies: 0 },
};

type Step = (state: State) => State;

export function wayOfAnOp(order: Order): Model<State> {
  const steps = stepsOf(order);
  const progress = (state: State): readonly Move<State>[] => [
    ...submissions(state, order),
    ...keeperMoves(state, order, steps),
    ...intakeMoves(state, order, steps),
    ...applierMoves(state, steps),
    ...publisherMoves(state, order, steps),
    ...mirrorMoves(state, order, steps),
  ];
  return {
    start: { ...START, losses: mayLose(order) ? 1 : 0, zombies: order.zombie === true ? 1 : 0 },
    moves: (state) => [...progress(state), ...mishaps(state, order)],
    isAtRest: (state) => progress(state).length === 0,
    wrong: (state) => {
      if (state.effects > 1) return "double effect";
      if (state.effects > 0 && state.row === "none" && order.storeLoses !== true) return "effect without record";
      return state.ledger > 1 ? "duplicate ledger entry" : undefined;
    },
    wrongAtRest: (state) => {
      if (state.effects === 0) return "lost op";
      // A row that was lost is rebuilt from the ledger.
      const isRebuilt = order.storeLoses === true && state.ledger > 0;
      if (state.row !== "ended" && !isRebuilt) return "effect without result";
      return state.ledger === 0 ? "no ledger entry" : undefined;
    },
  };
}

function mayLose(order: Order): boolean {
  return order.brokerLoses === true || order.storeLoses === true;
}

function stepsOf(order: Order) {
  const hasIds = order.hasMessageIds === true || order.trustsMessageId === true;
  const publishCmd: Step = (state) => ({ ...state, cmd: hasIds && state.knowsCmd ? state.cmd : state.cmd + 1, knowsCmd: true });
  const publishAudit: Step = (state) => ({
    ...state,
    audit: hasIds && state.knowsAudit ? state.audit : state.audit + 1,
    knowsAudit: true,
  });
  const ackPending: Step = (state) => ({ ...state, pending: state.pending - 1 });
  const ackCmd: Step = (state) => ({ ...state, cmd: state.cmd - 1 });
  const ackAudit: Step = (state) => ({ ...state, audit: state.audit - 1 });
  const effect: Step = (state) => ({
    ...state,
    effects: order.applyIsNotIdempotent === true || order.trustsMessageId === true ? state.effects + 1 : 1,
  });
  const persist: Step = (state) => {
    if (state.row === "none" || order.trustsMessageId === true) return { ...state, row: "accepted", queued: true };
    if (state.row === "accepted") return { ...state, queued: true };
    return order.dropsKnownSilently === true ? state : { ...state, outbox: true, woken: true };
  };
  const record: Step = (state) => ({
    ...state,
    row: "ended",
    outbox: order.hasNoOutbox !== true,
    woken: true,
    queued: false,
  });
  const write: Step = (state) => ({ ...state, ledger: order.mirrorDoesNotLookUp === true ? state.ledger + 1 : 1 });
  return { publishCmd, publishAudit, ackPending, ackCmd, ackAudit, effect, persist, record, write };
}

type Steps = ReturnType<typeof stepsOf>;

function submissions(state: State, order: Order): readonly Move<State>[] {
  if (!state.submitted) return [{ name: "operator submits", to: { ...state, submitted: true, pending: 1 } }];
  // Once everything else has come to rest without a receipt.
  const isIdle = state.pending + state.cmd + state.audit === 0 && state.keeper + state.intake + state.applier + state.publisher === 0;
  const mayResend = mayLose(order) && isIdle && state.losses === 0 && state.ledger === 0 && state.duplicates > 0;
  return mayResend
    ? [
        {
          name: "operator, without a receipt, submits again",
          to: { ...state, pending: 1, duplicates: state.duplicates - 1 },
        },
      ]
    : [];
}

/** The last of the steps may get its answer lost; whoever waits for it then takes the same message again. */
function inSteps(
  state: State,
  place: "keeper" | "intake" | "mirror",
  isThere: boolean,
  steps: readonly (readonly [name: string, step: Step])[],
): readonly Move<State>[] {
  const at = state[place];
  if (at === 0) return isThere ? [{ name: `${place} takes the message`, to: { ...state, [place]: 1 } }] : [];
  const [name, step] = steps[at - 1] ?? ["stops", (same: State) => same];
  const done = step(state);
  const next = at === steps.length ? 0 : at + 1;
  const moves: Move<State>[] = [{ name: `${place} ${name}`, to: { ...done, [place]: next } }];
  if (state.lostAnswers > 0)
    moves.push({ name: `${place} ${name}, and the answer is lost`, to: { ...done, [place]: 0, lostAnswers: state.lostAnswers - 1 } });
  return moves;
}

function keeperMoves(state: State, order: Order, { publishCmd, ackPending }: Steps): readonly Move<State>[] {
  const publish = ["publishes the admission", publishCmd] as const;
  const ack = ["acks", ackPending] as const;
  return inSteps(state, "keeper", state.pending > 0, order.keeperAcksFirst === true ? [ack, publish] : [publish, ack]);
}

function intakeMoves(state: State, order: Order, { persist, ackCmd, effect }: Steps): readonly Move<State>[] {
  const store = ["persists", persist] as const;
  const ack = ["acks", ackCmd] as const;
  const apply = ["applies", effect] as const;
  const steps =
    order.controllerAcksFirst === true ? [ack, store] : order.appliesBeforePersist === true ? [apply, store, ack] : [store, ack];
  if (order.controllerAcksLast !== true) return inSteps(state, "intake", state.cmd > 0, steps);
  // The message is held until the op has ended and its record is out.
  const isOut = state.row === "ended" && !state.outbox;
  if (state.intake === 2 && !isOut) return [];
  return inSteps(state, "intake", state.cmd > 0, steps);
}

function applierMoves(state: State, { effect, record }: Steps): readonly Move<State>[] {
  if (state.zombie)
    return [...applying(state, effect, record), { name: "the old controller applies", to: { ...effect(state), zombie: false } }];
  return applying(state, effect, record);
}

function applying(state: State, effect: Step, record: Step): readonly Move<State>[] {
  if (state.applier === 1) return [{ name: "applier records the result", to: { ...record(state), applier: 0 } }];
  if (!state.queued || state.row !== "accepted") return [];
  return [{ name: "applier applies", to: { ...effect(state), applier: 1 } }];
}

function publisherMoves(state: State, order: Order, { publishAudit }: Steps): readonly Move<State>[] {
  const isDue = order.hasNoOutbox === true || order.looksForNothingAtStart === true ? state.woken : state.outbox;
  if (!isDue) return [];
  if (state.publisher === 0) {
    const to = { ...publishAudit(state), publisher: 1 };
    return [{ name: "publisher publishes the record", to }];
  }
  return [{ name: "publisher marks it", to: { ...state, outbox: false, woken: false, publisher: 0 } }];
}

function mirrorMoves(state: State, order: Order, { write, ackAudit }: Steps): readonly Move<State>[] {
  const commit = ["commits to the ledger", write] as const;
  const ack = ["acks", ackAudit] as const;
  return inSteps(state, "mirror", state.audit > 0, order.mirrorAcksFirst === true ? [ack, commit] : [commit, ack]);
}

function mishaps(state: State, order: Order): readonly Move<State>[] {
  const moves: Move<State>[] = [];
  const { deaths, duplicates, amnesia, losses, zombies } = state;
  if (state.submitted && duplicates > 0 && !mayLose(order))
    moves.push({ name: "operator submits again", to: { ...state, pending: state.pending + 1, duplicates: duplicates - 1 } });
  if (amnesia > 0)
    moves.push({ name: "broker restarts and forgets message ids", to: { ...state, knowsCmd: false, knowsAudit: false, amnesia: 0 } });
  const started = { intake: 0, applier: 0, publisher: 0, ...memoryAtStart(state, order) };
  if (deaths > 0) {
    if (state.keeper > 0) moves.push({ name: "keeper dies and starts again", to: { ...state, keeper: 0, deaths: deaths - 1 } });
    moves.push({ name: "controller dies and starts again", to: { ...state, ...started, deaths: deaths - 1 } });
    if (state.mirror > 0) moves.push({ name: "mirror dies and starts again", to: { ...state, mirror: 0, deaths: deaths - 1 } });
  }
  if (zombies > 0 && state.queued && state.row === "accepted")
    moves.push({ name: "another controller takes over, the old one stands still", to: { ...state, ...started, zombie: true, zombies: 0 } });
  if (losses > 0 && order.storeLoses === true && state.row !== "none")
    moves.push({ name: "controller loses its database", to: { ...state, ...started, ...LOST_STORE, losses: 0 } });
  if (losses > 0 && order.brokerLoses === true)
    for (const stream of ["pending", "cmd", "audit"] as const)
      if (state[stream] > 0)
        moves.push({
          name: `broker restarts without a message of ${stream}`,
          // With the message it has lost its id.
          to: { ...state, [stream]: state[stream] - 1, losses: 0, keeper: 0, intake: 0, mirror: 0, knowsCmd: false, knowsAudit: false },
        });
  return moves;
}

const LOST_STORE = { row: "none", outbox: false, queued: false, woken: false } as const;

function memoryAtStart(state: State, order: Order): Pick<State, "queued" | "woken"> {
  if (order.looksForNothingAtStart === true) return { queued: false, woken: false };
  return { queued: state.row === "accepted", woken: state.outbox };
}
