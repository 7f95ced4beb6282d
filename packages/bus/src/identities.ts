// Who may do what on the bus, as data: one identity per process, and for each the subjects it may send to.
//
// 1. An identity lives in a NATS account of its own and reaches the streams only through service imports of the
//    subjects listed here. What it names as reply subject is then a name in its own account, so the reply of a
//    permitted call cannot be made to land in a stream or on the JetStream API (trap 1 of docs/reference/bus.md).
// 2. Nobody may create, change, purge or delete a stream or a consumer but the short-lived provisioner.
// 3. A worker is granted one durable consumer by name; nobody may subscribe to anything but the own inbox.
import { buckets, CONSUMERS, PRINCIPAL_PATTERN, streamNames, subjects, TriplaneError } from "@triplane/contract";

export const SERVICE_ROLES = ["provisioner", "keeper", "keeper-cli", "controller", "mirror", "watcher", "validator"] as const;
export const PERSON_ROLES = ["operator", "approver", "break-glass"] as const;

export type ServiceRole = (typeof SERVICE_ROLES)[number];
export type PersonRole = (typeof PERSON_ROLES)[number];

/**
 * One connection's identity. An approver may also do what an operator may. Automations and agents are operators here. Who breaks the
 * glass reaches the controller past the keeper, and nothing else.
 */
export type Identity =
  | { readonly role: ServiceRole; readonly principal?: undefined }
  | { readonly role: PersonRole; readonly principal: string };

/** A subject of the streams' account that an identity may send to. `many`: one request is answered by several messages. */
export interface Grant {
  readonly subject: string;
  readonly replies: "one" | "many";
}

/** Name of an identity in files, connection names and accounts, like `keeper` or `operator-alice`. Throws `usage`. */
export function identityName(identity: Identity): string {
  if (identity.principal === undefined) return identity.role;
  if (!PRINCIPAL_PATTERN.test(identity.principal))
    throw new TriplaneError("usage", `principal ${JSON.stringify(identity.principal.slice(0, 64))} is not a valid name`);
  return `${identity.role}-${identity.principal}`;
}

/** The inverse of `identityName`. Throws `usage`. */
export function parseIdentity(name: string): Identity {
  const service = SERVICE_ROLES.find((role) => role === name);
  if (service !== undefined) return { role: service };
  for (const role of PERSON_ROLES) {
    if (!name.startsWith(`${role}-`)) continue;
    const identity = { role, principal: name.slice(role.length + 1) } as const;
    identityName(identity);
    return identity;
  }
  throw new TriplaneError("usage", `${JSON.stringify(name.slice(0, 64))} is no identity of the bus`);
}

/** The inbox under which an identity, and nobody else, may listen for replies. */
export function inboxPrefix(identity: Identity): string {
  return `_INBOX_${identityName(identity)}`;
}

const API = "$JS.API.";

/**
 * The JetStream API as identities reach it. Every account answers on `$JS.API` itself, with "JetStream not enabled"
 * where it has no streams, so the imported API needs another name.
 */
export function apiPrefix(identity: Identity): string {
  return identity.role === "provisioner" ? "$JS.API" : "OPS.API";
}

/** What a granted subject is called in the identity's own account. */
export function localSubject(subject: string, identity: Identity): string {
  return subject.startsWith(API) ? `${apiPrefix(identity)}.${subject.slice(API.length)}` : subject;
}

/** Answers the server's own settings, so that a client can see whether it syncs before it confirms. */
export const SERVER_SETTINGS_SUBJECT = "$SYS.REQ.SERVER.PING.VARZ";

/** What an identity may publish to, each subject once. The provisioner has the whole JetStream API. */
export function grantsOf(identity: Identity, workspace: string): readonly Grant[] {
  return [...new Map(duties(identity, workspace).map((grant) => [grant.subject, grant])).values()];
}

function duties(identity: Identity, workspace: string): readonly Grant[] {
  const on = subjects(workspace);
  const streams = streamNames(workspace);
  const kv = buckets(workspace);
  const keeper: readonly Grant[] = [
    ...worker(streams.pending, CONSUMERS.pending),
    ...worker(streams.review, CONSUMERS.approval),
    ...reader(streams.review),
    ...keyValue(kv.seq),
    ...watched(streams.cmd, streams.answer, streams.alarm),
    one(on.cmd),
    one(on.reviewAll),
    one(on.answerAll),
    one(on.alarm),
    one(SERVER_SETTINGS_SUBJECT),
  ];
  switch (identity.role) {
    case "provisioner":
      return [many(`${API}>`), one(SERVER_SETTINGS_SUBJECT)];
    case "keeper":
    case "keeper-cli":
      return keeper;
    case "controller":
      return [
        ...worker(streams.cmd, CONSUMERS.cmd),
        ...keyValue(kv.lease),
        ...watched(streams.audit, streams.answer, streams.alarm),
        one(on.audit),
        one(on.answerAll),
        one(on.alarm),
        one(SERVER_SETTINGS_SUBJECT),
      ];
    case "mirror":
      return [...worker(streams.audit, CONSUMERS.audit), ...watched(streams.alarm), one(on.alarm), one(SERVER_SETTINGS_SUBJECT)];
    case "watcher":
      return [
        ...reader(streams.review),
        ...reader(streams.alarm),
        ...watched(streams.pending, streams.cmd, streams.audit, streams.answer),
        one(consumerInfo(streams.pending, CONSUMERS.pending)),
        one(consumerInfo(streams.review, CONSUMERS.approval)),
        one(consumerInfo(streams.cmd, CONSUMERS.cmd)),
        one(consumerInfo(streams.audit, CONSUMERS.audit)),
        one(SERVER_SETTINGS_SUBJECT),
      ];
    // It compares everything that there is with the contract, so it has to see consumers that nobody agreed on. It reads no message.
    case "validator": {
      const all = [...Object.values(streams), ...Object.values(kv).map((bucket) => `KV_${bucket}`)];
      return [
        ...watched(...all),
        ...all.map((stream) => one(`${API}CONSUMER.LIST.${stream}`)),
        one(on.alarm),
        one(SERVER_SETTINGS_SUBJECT),
      ];
    }
    case "operator":
      return operator(identity.principal, workspace);
    case "break-glass":
      return [one(on.cmd), one(SERVER_SETTINGS_SUBJECT)];
    case "approver":
      return [...operator(identity.principal, workspace), ...reader(streams.review), one(on.approvalAll)];
  }
}

/** Subscriptions that an identity may make. */
export function listensOn(identity: Identity): readonly string[] {
  return [`${inboxPrefix(identity)}.>`];
}

/** Streams whose settings an identity can read and therefore checks when it connects. */
export function visibleStreams(identity: Identity, workspace: string): ReadonlySet<string> {
  return suffixes(identity, workspace, `${API}STREAM.INFO.`);
}

/** Consumers, as `<stream>.<durable>`, whose settings an identity can read. */
export function visibleConsumers(identity: Identity, workspace: string): ReadonlySet<string> {
  return suffixes(identity, workspace, `${API}CONSUMER.INFO.`);
}

/** Streams of which an identity may read the last messages of several subjects in one request. */
export function manyReadable(identity: Identity, workspace: string): ReadonlySet<string> {
  return suffixes(identity, workspace, `${API}DIRECT.GET.`);
}

function suffixes(identity: Identity, workspace: string, prefix: string): ReadonlySet<string> {
  const found = grantsOf(identity, workspace).filter((grant) => grant.subject.startsWith(prefix));
  return new Set(found.map((grant) => grant.subject.slice(prefix.length)));
}

function operator(principal: string, workspace: string): readonly Grant[] {
  const on = subjects(workspace);
  // Direct get by subject: the subject is part of the request's own subject, so permissions see it. The server refuses
  // a body on this form, and the form that takes a filter in its body is not granted.
  return [one(on.pending), one(directLast(streamNames(workspace).answer, on.answersOf(principal).replace(/\*$/, ">")))];
}

function worker(stream: string, durable: string): readonly Grant[] {
  return [
    ...watched(stream),
    one(consumerInfo(stream, durable)),
    many(`${API}CONSUMER.MSG.NEXT.${stream}.${durable}`),
    one(`$JS.ACK.${stream}.${durable}.>`),
    // The longer form of ack subjects that nats-server announced with 2.14 (<domain>.<account hash> in front).
    one(`$JS.ACK.*.*.${stream}.${durable}.>`),
  ];
}

function reader(stream: string): readonly Grant[] {
  return [...watched(stream), many(`${API}DIRECT.GET.${stream}`), one(directLast(stream, ">"))];
}

function keyValue(bucket: string): readonly Grant[] {
  const stream = `KV_${bucket}`;
  return [...watched(stream), one(`$KV.${bucket}.>`), many(`${API}DIRECT.GET.${stream}`), one(directLast(stream, `$KV.${bucket}.>`))];
}

function watched(...streams: readonly string[]): readonly Grant[] {
  return streams.map((stream) => one(`${API}STREAM.INFO.${stream}`));
}

function consumerInfo(stream: string, durable: string): string {
  return `${API}CONSUMER.INFO.${stream}.${durable}`;
}

function directLast(stream: string, subject: string): string {
  return `${API}DIRECT.GET.${stream}.${subject}`;
}

function one(subject: string): Grant {
  return { subject, replies: "one" };
}

function many(subject: string): Grant {
  return { subject, replies: "many" };
}
