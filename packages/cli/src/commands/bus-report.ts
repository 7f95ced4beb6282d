// What the bus says of a workspace: what waits where, which reviews are open, what was alarmed.
import type { Bus } from "@triplane/bus";
import { type Alarm, alarmSchema, CONSUMERS, type ReviewItem, reviewItemSchema, streamNames, subjects, verifyOp } from "@triplane/contract";

export interface OpenReview {
  readonly jti: string;
  readonly op: string;
  readonly target: string;
  readonly needs: ReviewItem["needs"];
  readonly unopposed: ReviewItem["unopposed"];
  /** As the keeper announced it, in seconds since 1970. */
  readonly closesAtS: number;
}

export interface BusReport {
  /** Ops that wait for the keeper, decisions that wait for the controller, records that wait for the mirror. */
  readonly waiting: { readonly pending: number; readonly cmd: number; readonly audit: number };
  readonly reviews: readonly OpenReview[];
  readonly alarmCount: number;
  readonly lastAlarms: readonly Alarm[];
}

const SHOWN_ALARMS = 5;
// Above this only the last alarm is read: a status must not fetch a whole stream.
const READ_ALARMS = 500;

/** With the watcher's identity. */
export async function reportBus(bus: Bus, workspace: string): Promise<BusReport> {
  const streams = streamNames(workspace);
  const waitingOn = async (stream: string, durable: string): Promise<number> => {
    const state = await bus.consumerState(stream, durable);
    return state.pending + state.unacked;
  };
  const [pending, cmd, audit, reviews, alarms] = await Promise.all([
    waitingOn(streams.pending, CONSUMERS.pending),
    waitingOn(streams.cmd, CONSUMERS.cmd),
    waitingOn(streams.audit, CONSUMERS.audit),
    openReviews(bus, workspace),
    alarmsOf(bus, workspace),
  ]);
  return { waiting: { pending, cmd, audit }, reviews, ...alarms };
}

async function openReviews(bus: Bus, workspace: string): Promise<readonly OpenReview[]> {
  const items = await bus.lastOfEach(streamNames(workspace).review, subjects(workspace).reviewAll);
  return items.flatMap((message) => {
    const item = parse(message.text, reviewItemSchema);
    if (item === undefined || item.state !== "open") return [];
    // Shown only if the op inside verifies: an item is a message that anybody with the keeper's credential can write.
    try {
      const { claims } = verifyOp(item.op);
      return [
        {
          jti: claims.jti,
          op: claims.op,
          target: claims.target,
          needs: item.needs,
          unopposed: item.unopposed,
          closesAtS: item.closes_at ?? claims.exp,
        },
      ];
    } catch {
      return [];
    }
  });
}

async function alarmsOf(bus: Bus, workspace: string): Promise<{ readonly alarmCount: number; readonly lastAlarms: readonly Alarm[] }> {
  const stream = streamNames(workspace).alarm;
  const subject = subjects(workspace).alarm;
  const { messages } = await bus.streamState(stream);
  if (messages === 0) return { alarmCount: 0, lastAlarms: [] };
  const read = messages > READ_ALARMS ? [await bus.last(stream, subject)] : (await bus.all(stream, subject)).slice(-SHOWN_ALARMS);
  const lastAlarms = read.flatMap((message) => {
    const alarm = parse(message?.text, alarmSchema);
    return alarm === undefined ? [] : [alarm];
  });
  return { alarmCount: messages, lastAlarms };
}

function parse<T>(text: string | undefined, schema: { safeParse(value: unknown): { success: boolean; data?: T } }): T | undefined {
  try {
    const result = schema.safeParse(JSON.parse(text ?? ""));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
