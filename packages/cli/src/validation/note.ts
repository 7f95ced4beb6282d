// Keeps what validations found, and tells people what held before and does not hold any more.
import { raiseAlarm } from "@triplane/bus";
import { toTriplaneError } from "@triplane/contract";
import { readSecretFile, silentLogger } from "@triplane/kit";
import { alarming, type Change, HistoryFile, type ValidationReport } from "@triplane/reflection";
import type { CommandContext } from "../framework/command.ts";
import type { HomeSurroundings } from "./surroundings.ts";

export interface Noted {
  readonly changes: readonly Change[];
  /** Alarms that are on their stream. */
  readonly alarmed: number;
  /** Why alarms could not be raised: the history has them all the same. */
  readonly alarmProblem?: string;
}

/** Most alarms for one run: when everything is down, one says so as well as forty. */
const MAX_ALARMS = 8;
const MAX_MESSAGE = 500;

/** The history first: an alarm that cannot be raised is still in it. Throws what the history throws. */
export async function noteReports(home: HomeSurroundings, reports: readonly ValidationReport[], context: CommandContext): Promise<Noted> {
  const { changes } = await new HistoryFile(home.layout.validation, context.clock).note(reports);
  const telling = alarming(changes);
  if (telling.length === 0) return { changes, alarmed: 0 };
  if (home.bus === undefined) return { changes, alarmed: 0, alarmProblem: "this home has no bus" };
  const { workspace } = home.surroundings;
  let alarmed = 0;
  try {
    const nkeySeed = (await readSecretFile(home.bus.seedFile)).trim();
    const options = { servers: home.bus.url, nkeySeed, workspace, logger: silentLogger, connectTimeoutMs: 3_000 };
    for (const { validation, check, now, saw } of telling.slice(0, MAX_ALARMS)) {
      const message = `${validation}: ${check} ${now === "fail" ? "fails" : "cannot be looked at"}: ${saw}`.slice(0, MAX_MESSAGE);
      await raiseAlarm(options, { at: home.surroundings.nowS(), source: "validator", code: "validation_failed", message, subject: check });
      alarmed += 1;
    }
    return { changes, alarmed };
  } catch (thrown) {
    const { message, code } = toTriplaneError(thrown);
    return { changes, alarmed, alarmProblem: `${message} (${code})` };
  }
}
