// What must hold when everything has come to rest: I1 to I11 of the facts on reliability, section 4.5.
import { type AuditRecord, CONSUMERS, digestOf, streamNames } from "@triplane/contract";
import { type PolicyAt, WORKSPACE } from "./people.ts";
import type { Platform } from "./platform.ts";
import { payloadOf, textOf } from "./tokens.ts";
import type { Watch } from "./watch.ts";
import type { Submission } from "./workload.ts";

export interface Submitted {
  /** What was asked, by subject: some of it may never have arrived. */
  readonly asked: ReadonlyMap<string, Submission>;
  /** Subjects that the broker confirmed. */
  readonly confirmed: ReadonlySet<string>;
  /** Subject and text of an admission that nobody entitled signed. */
  readonly forged: { readonly subject: string; readonly text: string } | undefined;
  readonly policies: readonly PolicyAt[];
}

export function checkAtRest(platform: Platform, watch: Watch, submitted: Submitted): readonly string[] {
  const records = new Map<string, AuditRecord>();
  const problems: string[] = [...watch.violations];
  for (const record of platform.ledger.records) {
    const { subject } = record.claims;
    if (records.has(subject)) problems.push(`I2: ${subject} is in the ledger twice`);
    records.set(subject, record);
  }
  const parts: Parts = { platform, watch, submitted, records };
  return [
    ...problems,
    ...conserved(parts),
    ...caused(parts),
    ...alike(parts),
    ...effectsOnce(parts),
    ...effectsInOrder(parts),
    ...numbersContiguous(parts),
    ...nothingLeft(parts),
    ...forgeryIsEvidence(parts),
  ];
}

interface Parts {
  readonly platform: Platform;
  readonly watch: Watch;
  readonly submitted: Submitted;
  readonly records: ReadonlyMap<string, AuditRecord>;
}

function* conserved({ submitted, records }: Parts): Generator<string> {
  for (const subject of submitted.confirmed) {
    if (!records.has(subject)) yield `I1: ${subject} was confirmed and is not in the ledger`;
  }
}

/** Nothing is in the ledger that nobody asked for, and what is there carries the very bytes that were submitted. */
function* caused({ submitted, records }: Parts): Generator<string> {
  for (const [subject, record] of records) {
    const asked = submitted.asked.get(subject);
    const decision = payloadOf(record.claims.decision);
    if (asked === undefined) yield `every-command-lands: ${subject} is in the ledger and nobody asked for it`;
    else if (decision["op_digest"] !== digestOf(asked.text)) yield `I8: the record of ${subject} is about other bytes than were submitted`;
  }
}

/** I3: the ledger has what the database has, to the byte. */
function* alike({ platform, records }: Parts): Generator<string> {
  const rows = platform.controllerDatabase.rows("ops");
  for (const [subject, record] of records) {
    if (rows.get(subject)?.["record"] !== record.token.compact) yield `I3: the ledger's record of ${subject} is not the database's`;
  }
  for (const subject of rows.keys()) if (!records.has(subject)) yield `I3: ${subject} is in the database and not in the ledger`;
}

/** I10: what was applied was done once; what was not applied was not done. */
function* effectsOnce({ platform, records }: Parts): Generator<string> {
  const counts = new Map<string, number>();
  for (const { jti } of platform.machines.effects) counts.set(jti, (counts.get(jti) ?? 0) + 1);
  for (const [subject, { claims }] of records) {
    const changed = claims.outcome === "applied" && claims.state_version_after !== claims.state_version_before;
    const count = counts.get(subject) ?? 0;
    if (count !== (changed ? 1 : 0)) yield `applied-once: ${subject} ended as ${claims.outcome} and had ${count} effects`;
    counts.delete(subject);
  }
  for (const [jti, count] of counts) yield `applied-once: ${jti} had ${count} effects and is not in the ledger`;
}

/** I6: on each target effects come in the order of the command stream. */
function* effectsInOrder({ platform, watch, records }: Parts): Generator<string> {
  const lastPlace = new Map<string, number>();
  for (const { jti, target } of platform.machines.effects) {
    const digest = textOf(payloadOf(records.get(jti)?.claims.decision ?? ""), "op_digest");
    const place = watch.commandPlace.get(digest) ?? 0;
    if (place < (lastPlace.get(target) ?? 0)) yield `I6: ${jti} changed ${target} after a later command had`;
    lastPlace.set(target, place);
  }
}

/** The numbers of a key that were used are 1, 2, 3 and so on, each once. */
function* numbersContiguous({ records }: Parts): Generator<string> {
  const used = new Map<string, number[]>();
  for (const { claims } of records.values()) {
    const decision = payloadOf(claims.decision);
    if (claims.basis === "refusal" && decision["consumes_seq"] !== true) continue;
    const { iss, seq } = payloadOf(textOf(decision, "op"));
    const numbers = used.get(String(iss)) ?? [];
    used.set(String(iss), numbers);
    numbers.push(Number(seq));
  }
  for (const [key, numbers] of used) {
    numbers.sort((a, b) => a - b);
    if (numbers.some((number, index) => number !== index + 1)) yield `sequence: ${key} used the numbers ${numbers.join(", ")}`;
  }
}

/** I7, I11. */
function* nothingLeft({ platform, records }: Parts): Generator<string> {
  const { broker, controllerDatabase, orchestratorDatabase, ledger } = platform;
  const names = streamNames(WORKSPACE);
  for (const name of [names.pending, names.cmd]) {
    const { messages } = broker.stream(name).state();
    if (messages > 0) yield `I7: ${messages} messages are left on ${name}`;
  }
  for (const [stream, durable] of [
    [names.audit, CONSUMERS.audit],
    [names.review, CONSUMERS.approval],
  ] as const) {
    const { pending, unacked } = broker.consumerState(stream, durable);
    if (pending + unacked > 0) yield `I7: ${pending} messages of ${stream} are not delivered, ${unacked} not acked`;
  }
  const outbox = controllerDatabase.rows("outbox").size;
  if (outbox > 0) yield `I7: ${outbox} messages are left in the outbox`;
  for (const [subject, row] of controllerDatabase.rows("ops"))
    if (row["state"] !== "finished") yield `I7: ${subject} is accepted and not ended`;
  for (const [jti, row] of orchestratorDatabase.rows("ops"))
    if (row["status"] === "running") yield `I7: ${jti} still runs at the orchestrator`;
  if (ledger.records.length !== records.size) yield "I9: the ledger has records that it should not have";
  if (platform.setAside.size > 0) yield `the mirror set ${platform.setAside.size} messages aside`;
}

/** I11: what proves nothing has no effect and no record, and is kept as evidence. */
function* forgeryIsEvidence({ platform, submitted, records }: Parts): Generator<string> {
  const { forged } = submitted;
  if (forged === undefined) return;
  if (records.has(forged.subject)) yield `chain-verified-at-every-hop: the forged ${forged.subject} is in the ledger`;
  if (!platform.controllerDatabase.rows("rejected").has(digestOf(forged.text))) yield `I11: the forged ${forged.subject} left no evidence`;
}
