// Row: admitting an op against the raw cost of the signatures that this takes, on one core.
import { measureAdmission } from "../admission.ts";
import { bySize, type Row } from "../harness/row.ts";

export const admission: Row = {
  id: "admission",
  summary: "verify + decide + sign on one core, against its signatures alone",
  async run(context) {
    const rates = measureAdmission(bySize(context, { full: {}, quick: { count: 500, rounds: 5 }, tiny: { count: 20, rounds: 1 } }));
    return [
      {
        what: "verify, decide, sign",
        ours: { value: rates.admittedPerS, unit: "ops/s" },
        against: { value: rates.signaturesPerS, unit: "ops/s" },
        ratio: rates.ratio,
        target: "≥ 0.8 of its signatures",
        met: rates.ratio >= 0.8,
        notes: [],
      },
      {
        what: "the same, and the decision verified as the next hop will",
        ours: { value: rates.checkedPerS, unit: "ops/s" },
        against: { value: rates.checkedSignaturesPerS, unit: "ops/s" },
        ratio: rates.checkedRatio,
        target: "–",
        met: undefined,
        notes: ["what the daemon does for every op, of which one more signature is verified"],
      },
    ];
  },
};
