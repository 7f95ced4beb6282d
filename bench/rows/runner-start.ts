// Row: how long a local runner takes until it can build, against the same root under runc alone.
import { whyNoRunners } from "@triplane/provider-local/testing";
import { bySize, type Line, type Row } from "../harness/row.ts";
import { measureRunnerStart } from "../runner-start.ts";

export const runnerStart: Row = {
  id: "runner-start",
  summary: "create of a local runner until sshd and buildkitd listen, against `runc run` of the same root",
  async run(context) {
    const why = await whyNoRunners();
    if (why !== undefined) throw new Error(why);
    const { rounds, ours, plain, destroyMs } = await measureRunnerStart(bySize(context, { full: 15, quick: 5, tiny: 1 }), context.signal);
    const line = (what: string, oursMs: number, plainMs: number, notes: readonly string[]): Line => ({
      what,
      ours: { value: oursMs, unit: "ms" },
      against: { value: plainMs, unit: "ms (runc run)" },
      ratio: oursMs / plainMs,
      target: "≤ 1.5 × runc run of the same root",
      met: oursMs <= 1.5 * plainMs,
      notes,
    });
    const how = `medians of ${rounds} starts in turns; here a smaller ratio is better`;
    return [
      line("create until sshd listens", ours.sshMs, plain.sshMs, [
        how,
        "ours adds limits, a network with an address, and a record on disk",
      ]),
      line("create until buildkitd listens", ours.buildkitMs, plain.buildkitMs, [how]),
      {
        what: "destroy until nothing is left",
        ours: { value: destroyMs, unit: "ms" },
        against: undefined,
        ratio: undefined,
        target: "–",
        met: undefined,
        notes: [`median of ${rounds}`],
      },
    ];
  },
};
