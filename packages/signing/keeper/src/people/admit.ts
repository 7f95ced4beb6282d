// `keeper-cli admit`: a person in the keeper's place, with the same core, the same queue and no more power.
//
// 1. The message comes from the keeper's own consumer, and in turn: while a daemon holds earlier ones, it is given back. What one
//    of them recorded the other repeats.
// 2. A person admits nothing of their own: such an op is given back to the queue and keeps its place. `no-fail-open`
// 3. So is whatever the next hop would not believe from this person. `every-command-lands`
import { type Bus, type KeyValue, PendingLine, type WorkMessage } from "@triplane/bus";
import {
  type Audience,
  type Clock,
  CONSUMERS,
  type Digest,
  type FailureCode,
  type SigningKey,
  streamNames,
  TriplaneError,
  verifyOp,
} from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import { type Decision, explain } from "@triplane/policy";
import { Alarms } from "../alarms.ts";
import { Desk } from "../desk.ts";
import type { PolicyInForce } from "../outputs.ts";
import { PolicyFollower } from "../policy-follower.ts";
import type { PolicySource } from "../ports.ts";
import type { IntakeVerdict } from "../service.ts";
import { admittingPerson, isOwnOp, personMayDecide } from "../signers.ts";

export interface HandOptions {
  /** Under the keeper's rights on the bus. */
  readonly bus: Bus;
  readonly bucket: KeyValue;
  readonly audience: Audience;
  readonly source: PolicySource;
  readonly key: SigningKey;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was done with one pending message. Given back: `own`, the person's own op; `kept`, one about which the next hop would not believe this person. */
export interface HandWorked {
  readonly digest: Digest;
  readonly jti: string | undefined;
  readonly kind: string | undefined;
  readonly target: string | undefined;
  readonly verdict: IntakeVerdict | "own" | "kept";
  readonly code: FailureCode | undefined;
}

const GIVE_BACK_MS = 1000;
const PART_MS = 250;

/** Works off up to `max` pending messages in their order, until none comes within `waitMs`. Stops at one that it gives back. */
export async function admitPending(
  options: HandOptions,
  limits: { readonly max: number; readonly waitMs: number; readonly signal?: AbortSignal },
): Promise<readonly HandWorked[]> {
  const { bus, audience, key } = options;
  const inForce = await policyOf(options);
  const person = admittingPerson(inForce.policy, key.did).principal;
  const desk = deskOf(options);
  const { pending } = streamNames(audience.workspace);
  const consumer = await bus.consumer(pending, CONSUMERS.pending);
  const state = () => bus.consumerState(pending, CONSUMERS.pending);
  const line = new PendingLine({ consumer, state, clock: options.clock, max: 1, ahead: false });
  const done: HandWorked[] = [];
  try {
    while (done.length < limits.max && limits.signal?.aborted !== true) {
      const message = await nextInTurn(line, limits);
      if (message === undefined) break;
      const op = message.text === undefined ? undefined : readOp(message.text);
      const about = { jti: op?.claims.jti, kind: op?.claims.op, target: op?.claims.target };
      if (op !== undefined && isOwnOp(inForce.policy, op, person)) {
        done.push({ ...about, digest: op.token.digest, verdict: "own", code: undefined });
        break;
      }
      const worked = await desk.work(message, inForce);
      const verdict = worked.kept === true ? "kept" : worked.intake.verdict;
      done.push({ ...about, digest: worked.digest, verdict, code: worked.intake.code });
      if (worked.kept === true) break;
      line.done(message);
    }
    return done;
  } finally {
    await line.giveBack(GIVE_BACK_MS);
  }
}

/** Waits in parts, so that a message whose predecessor a daemon just finished is not waited for in vain. */
async function nextInTurn(
  line: PendingLine,
  limits: { readonly waitMs: number; readonly signal?: AbortSignal },
): Promise<WorkMessage | undefined> {
  const { signal } = limits;
  for (let leftMs = limits.waitMs; leftMs > 0; leftMs -= PART_MS) {
    const [message] = await line.take({ waitMs: Math.min(leftMs, PART_MS), ...(signal === undefined ? {} : { signal }) });
    if (message !== undefined) return message;
    if (signal?.aborted === true) return undefined;
  }
  return undefined;
}

/** Ends the review of an op whose needs are met. Throws `review_not_found`, `approval_not_accepted` while needs are open, `policy_denied`. */
export async function admitReview(options: HandOptions, jti: string): Promise<Decision> {
  const inForce = await policyOf(options);
  const person = admittingPerson(inForce.policy, options.key.did).principal;
  const desk = deskOf(options);
  const looked = await desk.look(jti, inForce, "look-only");
  if (looked === undefined) throw new TriplaneError("review_not_found", `no op ${jti} is in review`);
  if (isOwnOp(inForce.policy, looked.op, person)) throw new TriplaneError("policy_denied", `${person} may not admit an op of their own`);
  if (looked.decision?.verdict !== "admit") {
    const explanation = looked.decision === undefined ? [] : explain(looked.decision);
    throw new TriplaneError("approval_not_accepted", `op ${jti} cannot be admitted as it stands`, { details: { explanation } });
  }
  const ended = await desk.look(jti, inForce);
  return ended?.decision ?? looked.decision;
}

async function policyOf(options: HandOptions): Promise<PolicyInForce> {
  const { audience, source, bucket, clock, key } = options;
  const { workspace, policyRid } = audience;
  const follower = new PolicyFollower({ workspace, policyRid, source, bucket, clock, assertMayDecide: personMayDecide(key.did) });
  await follower.refresh();
  if (follower.inForce === undefined) throw follower.problem ?? new TriplaneError("unavailable", "no policy is in force");
  return follower.inForce;
}

function deskOf(options: HandOptions): Desk {
  const { bus, audience, clock, logger } = options;
  return new Desk({ ...options, byHand: true, alarms: new Alarms(bus, audience.workspace, clock, logger) });
}

function readOp(text: string): ReturnType<typeof verifyOp> | undefined {
  try {
    return verifyOp(text);
  } catch {
    return undefined;
  }
}
