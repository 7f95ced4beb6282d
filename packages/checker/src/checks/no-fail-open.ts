// Nothing was applied on less than a whole chain, and no daemon is configured without what it verifies with.
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";
import type { DaemonConfig } from "../sources/processes.ts";

const VERIFIERS: Readonly<Record<string, readonly string[]>> = {
  "ops-controller": ["policyRepo", "policyRid", "policyIdentityRoot", "keyFile"],
  "audit-mirror": ["policyRepo", "policyRid", "policyIdentityRoot", "keyFile", "stateRid", "stateIdentityRoot"],
  "keeper-daemon": ["policyRepo", "policyRid", "policyIdentityRoot", "keyFile"],
};
/** Options and flags by which programs are told to look away. */
const SWITCH = /^-{0,2}(?:no-?|skip-?|disable-?|without-?|allow-?)(?:un)?(?:verif|sign|auth|check|polic)|insecure|unsafe|trust-?all/i;

export function checkNoFailOpen(evidence: Evidence, told: Case): void {
  const ledger = told.need(evidence.ledger);
  const policy = told.need(evidence.policy);
  for (const record of ledger?.records ?? []) {
    if (record.outcome !== "applied") continue;
    told.count("applied records", 1);
    const { decision } = record;
    const about = { recordIndex: record.index, jti: record.subject };
    const missing = [
      ...(decision === undefined ? ["a decision"] : []),
      ...(decision !== undefined && decision.kind !== "admission" ? ["an admission"] : []),
      ...(decision !== undefined && decision.op === undefined ? ["the op"] : []),
      ...(record.problems.length > 0 ? ["a chain whose signatures and digests hold"] : []),
      ...(decision !== undefined && policy !== undefined && !policy.commits.has(decision.policy.commit) ? ["an approved policy"] : []),
    ];
    for (const what of missing)
      told.violation({ what: `record ${record.index} says that ${record.subject} was applied, without ${what}`, ...about });
  }
  if (ledger !== undefined)
    told.saw(`${ledger.records.filter(({ outcome }) => outcome === "applied").length} applied records, each with op, admission and policy`);
  const processes = told.need(evidence.processes);
  if (processes === undefined) return;
  for (const config of processes.configs) checkConfig(config, evidence, told);
  for (const { pid, argv } of processes.commandLines) {
    for (const argument of argv)
      if (argument.startsWith("-") && SWITCH.test(argument)) told.violation({ what: `process ${pid} was started with ${argument}`, pid });
  }
  told.count("configurations", processes.configs.length);
  told.saw(
    `configuration of ${processes.configs.map(({ daemon }) => daemon).join(", ") || "no daemon"}: policy pins and keys named, no switch to look away`,
  );
  if (processes.configs.length === 0) told.cannot("no daemon's configuration was found");
}

function checkConfig({ daemon, file, values, keyFileMode, keyFileThere }: DaemonConfig, { pins }: Evidence, told: Case): void {
  for (const name of VERIFIERS[daemon] ?? [])
    if (typeof values[name] !== "string" || values[name] === "") told.violation({ what: `${daemon} is configured without ${name}`, file });
  const pinned = {
    policyRid: pins.policy.rid,
    policyIdentityRoot: pins.policy.identityRoot,
    stateRid: pins.state.rid,
    stateIdentityRoot: pins.state.identityRoot,
  };
  for (const [name, pin] of Object.entries(pinned))
    if (values[name] !== undefined && values[name] !== pin)
      told.violation({ what: `${daemon} has ${name} ${String(values[name])}, pinned is ${pin}`, file });
  for (const name of Object.keys(values)) if (SWITCH.test(name)) told.violation({ what: `${daemon} is configured with ${name}`, file });
  if (typeof values["keyFile"] !== "string") return;
  if (!keyFileThere) told.violation({ what: `the key file of ${daemon} is not there`, file: values["keyFile"] });
  else if (((keyFileMode ?? 0) & 0o077) !== 0)
    told.violation({ what: `the key file of ${daemon} can be read by others`, file: values["keyFile"] });
}
