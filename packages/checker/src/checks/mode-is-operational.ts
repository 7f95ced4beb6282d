// No mode is configured anywhere, and who decided, keeper or person, is someone whom the policy of that time lets decide.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";

const MODE = /^-{0,2}(?:\w+[-_])?mode(?:$|[=A-Z_-])|Mode$/;

export function checkMode(evidence: Evidence, told: Case): void {
  const processes = told.need(evidence.processes);
  const ledger = told.need(evidence.ledger);
  const policy = told.need(evidence.policy);
  for (const { daemon, file, values } of processes?.configs ?? []) {
    for (const name of Object.keys(values)) if (MODE.test(name)) told.violation({ what: `${daemon} is configured with ${name}`, file });
  }
  for (const { pid, argv } of processes?.commandLines ?? [])
    for (const argument of argv)
      if (argument.startsWith("--") && MODE.test(argument)) told.violation({ what: `process ${pid} was started with ${argument}`, pid });
  const by = { keeper: 0, person: 0 };
  for (const { decision, index, subject } of ledger?.records ?? []) {
    if (decision === undefined || policy === undefined) continue;
    const evaluated = policy.evaluated.get(decision.policy.commit);
    if (evaluated === undefined || !evaluated.ok) {
      told.cannot(evaluated === undefined ? `the policy at ${decision.policy.commit} is not an approved one` : evaluated.why);
      continue;
    }
    const signer = evaluated.value.signers.get(decision.signer);
    if (signer?.role === "keeper") by.keeper += 1;
    else if (signer?.role === "operator" && signer.may.includes("Admit")) by.person += 1;
    else if (signer?.role === "break_glass" && decision.basis === "break_glass") by.person += 1;
    else
      told.violation({
        what: `record ${index} was decided by ${decision.signer}, whom the policy lets decide in no way of working`,
        recordIndex: index,
        jti: subject,
      });
  }
  told.count("decided by a keeper", by.keeper);
  told.count("decided by a person", by.person);
  told.count("configurations", processes?.configs.length ?? 0);
  told.saw(`${by.keeper} decisions by keepers and ${by.person} by people, each allowed by the policy that it names`);
  told.saw(
    `no option called mode in the configuration of ${processes?.configs.map(({ daemon }) => daemon).join(", ") || "no daemon"} nor on a command line; the code itself is not read`,
  );
  if ((processes?.configs.length ?? 0) === 0 && by.keeper + by.person === 0)
    told.cannot("there is neither a configuration nor a decision to look at");
}
