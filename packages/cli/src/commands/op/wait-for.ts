// Waiting for an op, saying what happens meanwhile.
import type { ReviewNeed } from "@triplane/contract";
import type { OpOutcome, Submitter } from "@triplane/submitter";
import type { CommandContext } from "../../framework/command.ts";

export async function waitForOutcome(submitter: Submitter, jti: string, timeoutS: number, context: CommandContext): Promise<OpOutcome> {
  return await submitter.waitForOutcome(jti, {
    timeoutMs: timeoutS * 1000,
    signal: context.signal,
    onStage: (stage) => {
      if (stage.stage === "sent") context.progress("waiting for the keeper …");
      if (stage.stage === "review") context.progress(`in review: ${needsText(stage.needs)}; \`triplane keeper approve ${jti} --as …\``);
    },
  });
}

/** Within one rule the people are different ones; somebody may count for several rules. */
export function needsText(needs: readonly ReviewNeed[]): string {
  return [...Map.groupBy(needs, (need) => need.rule)]
    .map(([rule, asked]) => `rule ${rule} asks ${asked.map((need) => `${need.count} of ${need.groups.join(" or ")}`).join(" and ")}`)
    .join(", and ");
}
