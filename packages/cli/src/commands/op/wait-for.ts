// Waiting for an op, saying what happens meanwhile.
import type { ReviewNeed } from "@triplane/contract";
import type { OpOutcome, Submitter } from "@triplane/submitter";
import type { CommandContext } from "../../framework/command.ts";
import { utc } from "../../framework/table.ts";

export async function waitForOutcome(
  submitter: Submitter,
  { jti, words }: { readonly jti: string; readonly words: string | undefined },
  timeoutS: number,
  context: CommandContext,
): Promise<OpOutcome> {
  return await submitter.waitForOutcome(jti, {
    timeoutMs: timeoutS * 1000,
    signal: context.signal,
    onStage: (stage) => {
      if (stage.stage === "sent") context.progress("waiting for the keeper …");
      if (stage.stage === "review")
        context.progress(`in review${words === undefined ? "" : ` as ${words}`}: ${askedText(stage)}; ${speakHint(stage, jti)}`);
    },
  });
}

function speakHint({ unopposed }: Asked, jti: string): string {
  return `\`triplane keeper ${unopposed === undefined ? "approve" : "reject"} ${jti} --as …\``;
}

/** What is asked of people, as the keeper announced it or as the policy says. */
interface Asked {
  readonly needs: readonly ReviewNeed[];
  readonly unopposed?: { readonly groups: readonly string[]; readonly runs_at: number } | undefined;
}

/** Like `rule removal asks 2 of platform`, or `runs at 2026-01-05 14:05:00 UTC unless one of ops objects`. */
export function askedText({ needs, unopposed }: Asked): string {
  return unopposed === undefined ? needsText(needs) : runsText(unopposed.runs_at, unopposed.groups);
}

export function runsText(runsAtS: number, groups: readonly string[]): string {
  return `runs at ${utc(runsAtS)} unless one of ${groups.join(" or ")} objects`;
}

/** Within one rule the people are different ones; somebody may count for several rules. */
export function needsText(needs: readonly ReviewNeed[]): string {
  return [...Map.groupBy(needs, (need) => need.rule)]
    .map(([rule, asked]) => `rule ${rule} asks ${asked.map((need) => `${need.count} of ${need.groups.join(" or ")}`).join(" and ")}`)
    .join(", and ");
}
