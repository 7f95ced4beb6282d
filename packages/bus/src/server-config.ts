// Renders the nats-server configuration of a workspace from the identities' grants. Pure.
//
// 1. JetStream exists in account OPS only, and only the provisioner is a user there.
// 2. Every other identity has an account of its own that imports exactly its grants, and the same list as permissions.
// 3. `sync_interval: always`: a confirmed message survives a power cut. There is no user without a key.
import { TriplaneError } from "@triplane/contract";
import { type Grant, grantsOf, type Identity, identityName, listensOn, localSubject, SERVER_SETTINGS_SUBJECT } from "./identities.ts";
import { assertUserKey } from "./nkeys.ts";

export interface NatsUser {
  readonly identity: Identity;
  /** Public user nkey, `U…`. */
  readonly publicKey: string;
}

export interface NatsConfigOptions {
  readonly workspace: string;
  /** Interface to listen on; loopback unless told otherwise. */
  readonly host?: string;
  readonly port: number;
  /** Folder of the streams. */
  readonly storeDir: string;
  readonly users: readonly NatsUser[];
  /** Disk that JetStream may use; at least what the streams reserve (7.1 GiB). */
  readonly maxFileStoreBytes?: number;
}

const GIB = 1024 ** 3;
const OPS = "OPS";
const SYSTEM = "SYS";
// Largest signed object, its JSON envelope, and headers.
const MAX_PAYLOAD_BYTES = 128 * 1024;

interface Export extends Grant {
  readonly accounts: readonly string[];
}

/** Text of a nats-server.conf. Throws `usage` for an identity that is named twice, `bus_denied` for a malformed key. */
export function natsConfig(options: NatsConfigOptions): string {
  const names = options.users.map((user) => identityName(user.identity));
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) throw new TriplaneError("usage", `identity ${repeated} is listed twice`);
  const provisioners = options.users.filter((user) => user.identity.role === "provisioner");
  const others = options.users.filter((user) => user.identity.role !== "provisioner");
  const exports = gatherExports(others, options.workspace);
  const settingsReaders = [OPS, ...others.filter(readsSettings(options.workspace)).map((user) => accountOf(user.identity))];
  return [
    "# Written by triplane from the grants of its identities; edit those, not this file.",
    `listen: ${quote(`${options.host ?? "127.0.0.1"}:${options.port}`)}`,
    `server_name: ${quote(`triplane-${options.workspace}`)}`,
    `max_payload: ${MAX_PAYLOAD_BYTES}`,
    "# always: what is confirmed has been synced to disk; the default loses minutes of confirmed messages in a power cut.",
    `jetstream { store_dir: ${quote(options.storeDir)}, sync_interval: always, max_file_store: ${options.maxFileStoreBytes ?? 8 * GIB} }`,
    `system_account: ${SYSTEM}`,
    "accounts {",
    "  # Lets the daemons read the server's settings, to see sync_interval for themselves. Nobody is a user here.",
    `  ${SYSTEM} {`,
    `    exports: [ { service: ${quote(SERVER_SETTINGS_SUBJECT)}, response_type: stream, accounts: ${list(settingsReaders)} } ]`,
    "  }",
    "  # Holds the streams. Its only user is the provisioner; what the others may reach is exported to each by name.",
    `  ${OPS} {`,
    "    jetstream: enabled",
    `    exports: [\n${exports.map(renderExport).join("\n")}\n    ]`,
    `    imports: [ ${renderImport(SERVER_SETTINGS_SUBJECT)} ]`,
    `    users: [\n${provisioners.map((user) => renderUser(user, options.workspace)).join("\n")}\n    ]`,
    "  }",
    "  # One account for each identity: the reply subject of a permitted call is a name in here, and reaches nothing else.",
    ...others.map((user) => renderAccount(user, options.workspace)),
    "}",
    "",
  ].join("\n");
}

function gatherExports(users: readonly NatsUser[], workspace: string): readonly Export[] {
  const bySubject = new Map<string, Export>();
  for (const user of users) {
    for (const grant of grantsOf(user.identity, workspace)) {
      if (grant.subject === SERVER_SETTINGS_SUBJECT) continue;
      const known = bySubject.get(grant.subject);
      bySubject.set(grant.subject, { ...grant, accounts: [...(known?.accounts ?? []), accountOf(user.identity)] });
    }
  }
  return [...bySubject.values()].sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

function readsSettings(workspace: string): (user: NatsUser) => boolean {
  return (user) => grantsOf(user.identity, workspace).some((grant) => grant.subject === SERVER_SETTINGS_SUBJECT);
}

function renderExport(entry: Export): string {
  const stream = entry.replies === "many" ? "response_type: stream, " : "";
  return `      { service: ${quote(entry.subject)}, ${stream}accounts: ${list(entry.accounts)} }`;
}

function renderImport(subject: string, local = subject): string {
  const account = subject === SERVER_SETTINGS_SUBJECT ? SYSTEM : OPS;
  const renamed = local === subject ? "" : `, to: ${quote(local)}`;
  return `{ service: { account: ${account}, subject: ${quote(subject)} }${renamed} }`;
}

function renderAccount(user: NatsUser, workspace: string): string {
  const imports = grantsOf(user.identity, workspace).map(
    (grant) => `      ${renderImport(grant.subject, localSubject(grant.subject, user.identity))}`,
  );
  return [
    `  ${quote(accountOf(user.identity))} {`,
    `    imports: [\n${imports.join("\n")}\n    ]`,
    `    users: [\n${renderUser(user, workspace)}\n    ]`,
    "  }",
  ].join("\n");
}

function renderUser(user: NatsUser, workspace: string): string {
  const publish = list(grantsOf(user.identity, workspace).map((grant) => localSubject(grant.subject, user.identity)));
  const subscribe = list(listensOn(user.identity));
  return `      { nkey: ${assertUserKey(user.publicKey)}, permissions: { publish: ${publish}, subscribe: ${subscribe} } }`;
}

function accountOf(identity: Identity): string {
  return `ID_${identityName(identity)}`;
}

function list(items: readonly string[]): string {
  return `[${items.map(quote).join(", ")}]`;
}

function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the configuration language has no safe form for them.
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new TriplaneError("usage", "a path or name holds a control character");
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
