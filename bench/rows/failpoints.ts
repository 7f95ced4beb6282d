// Row: what the named steps for fault tests cost a daemon that nobody tests.
import { measureFailpoints } from "../failpoints.ts";
import { bySize, type Row } from "../harness/row.ts";

export const failpoints: Row = {
  id: "failpoints",
  summary: "verifying an op with and without all the failpoints that an op passes, none of them armed",
  async run(context) {
    const cost = measureFailpoints(bySize(context, { full: {}, quick: { count: 500, rounds: 5 }, tiny: { count: 20, rounds: 1 } }));
    return [
      {
        what: `verify an op, with ${cost.calls} failpoints that are off`,
        ours: { value: cost.verifiedWithFailpointsPerS, unit: "ops/s" },
        against: { value: cost.verifiedPerS, unit: "ops/s (without)" },
        ratio: cost.ratio,
        target: "nothing that can be measured",
        met: cost.shareOfVerification < 0.01,
        notes: [
          `one call takes ${cost.nsPerCall.toFixed(1)} ns; all of an op's take ${(cost.shareOfVerification * 100).toFixed(2)} % of verifying it once`,
        ],
      },
    ];
  },
};
