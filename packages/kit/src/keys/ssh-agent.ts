// Keys that an ssh-agent holds: the agent signs, and no secret ever enters this process (ADR-028).
//
// Speaks draft-ietf-sshm-ssh-agent over the socket of SSH_AUTH_SOCK: list the keys, sign bytes. An ssh-ed25519 key signs the bytes
// themselves, so that what it signs is what a key file would have signed.
//
// 1. One request a connection; a reply has a limit in size and time before it is looked at.
// 2. A signature is verified before anybody else sees it: an agent cannot make us send something else.
import { connect } from "node:net";
import { type Did, didOfPublicKey, isDid, type Signer, TriplaneError, verifySignature } from "@triplane/contract";
import { SSH_ED25519, sshPublicKey, WireReader, wireString, wireUint32 } from "./ssh-wire.ts";

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const FAILURE = 5;
const MAX_REPLY_BYTES = 256 * 1024;
const MAX_KEYS = 1024;
const LIST_TIMEOUT_MS = 5_000;
/** An agent may ask its owner first (`ssh-add -c`). */
const SIGN_TIMEOUT_MS = 60_000;
/** Keys on a FIDO token sign something else than the bytes. */
const SECURITY_KEY = "sk-ssh-ed25519@openssh.com";

export interface AgentKey {
  readonly did: Did;
  readonly publicKey: Uint8Array;
  readonly comment: string;
}

interface Held {
  readonly keys: readonly AgentKey[];
  /** Comments of keys that cannot sign here because a token holds them. */
  readonly onTokens: readonly string[];
}

/** The Ed25519 keys that the agent offers. Throws `agent_unavailable`, `agent_refused`. */
export async function agentKeys(socket: string | undefined): Promise<readonly AgentKey[]> {
  return (await held(socket)).keys;
}

/** The key of that DID or with exactly that comment. Throws `agent_unavailable`, `agent_refused`, `key_unknown`. */
export async function agentSigner(socket: string | undefined, which: string): Promise<Signer> {
  const { keys, onTokens } = await held(socket);
  const found = keys.filter(({ did, comment }) => (isDid(which) ? did === which : comment === which));
  const [key] = found;
  if (key === undefined && onTokens.includes(which))
    throw new TriplaneError(
      "key_unknown",
      `the agent's key ${JSON.stringify(which)} is on a security key, which signs in a form of its own`,
      {
        hint: "Only ssh-ed25519 keys sign here; docs/explanation/keys.md says why.",
      },
    );
  if (key === undefined || found.length > 1) {
    const many = found.length > 1 ? `${found.length} keys` : "no Ed25519 key";
    throw new TriplaneError("key_unknown", `the agent holds ${many} called ${JSON.stringify(which.slice(0, 120))}`, {
      hint: `It offers: ${keys.map(({ did, comment }) => `${did} (${JSON.stringify(comment)})`).join(", ") || "none"}. \`ssh-add FILE\` adds one.`,
    });
  }
  const { did, publicKey } = key;
  return { did, publicKey, sign: (bytes) => signWith(socket, key, bytes) };
}

async function held(socket: string | undefined): Promise<Held> {
  const answer = reader(await ask(socket, Buffer.of(REQUEST_IDENTITIES), LIST_TIMEOUT_MS), IDENTITIES_ANSWER);
  const count = answer.uint32();
  if (count > MAX_KEYS) throw refused(`it claims ${count} keys`);
  const keys: AgentKey[] = [];
  const onTokens: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const blob = new WireReader(answer.string(), refused);
    const comment = answer.text();
    const type = blob.text();
    if (type === SECURITY_KEY) onTokens.push(comment);
    if (type !== SSH_ED25519) continue;
    const publicKey = new Uint8Array(blob.string());
    blob.end();
    if (publicKey.length === 32) keys.push({ did: didOfPublicKey(publicKey), publicKey, comment });
  }
  answer.end();
  return { keys, onTokens };
}

async function signWith(socket: string | undefined, { did, publicKey }: AgentKey, bytes: Uint8Array): Promise<Uint8Array> {
  const request = Buffer.concat([Buffer.of(SIGN_REQUEST), wireString(sshPublicKey(publicKey)), wireString(bytes), wireUint32(0)]);
  const answer = reader(await ask(socket, request, SIGN_TIMEOUT_MS), SIGN_RESPONSE);
  const blob = new WireReader(answer.string(), refused);
  answer.end();
  if (blob.text() !== SSH_ED25519) throw refused("its signature is of another kind than the key");
  const signature = new Uint8Array(blob.string());
  blob.end();
  try {
    verifySignature(did, bytes, signature);
  } catch (cause) {
    throw refused("its signature is not the key's over what it was given", cause);
  }
  return signature;
}

function reader(reply: Buffer, expected: number): WireReader {
  const fields = new WireReader(reply, refused);
  const type = fields.byte();
  if (type === FAILURE) throw refused("it said no: it is locked, its owner did not agree, or the key left it");
  if (type !== expected) throw refused(`it answered with message ${type}, ${expected} is expected`);
  return fields;
}

/** One request and its reply, without its length. */
function ask(socket: string | undefined, request: Buffer, timeoutMs: number): Promise<Buffer> {
  if (socket === undefined || socket === "") throw unavailable("SSH_AUTH_SOCK names no agent");
  return new Promise((resolve, reject) => {
    const connection = connect({ path: socket });
    let received = Buffer.alloc(0);
    const end = (failure: TriplaneError): void => {
      connection.destroy();
      reject(failure);
    };
    connection.setTimeout(timeoutMs, () => end(unavailable(`the agent at ${socket} did not answer within ${timeoutMs / 1000} s`)));
    connection.on("error", (cause) => end(unavailable(`the agent at ${socket} cannot be reached: ${cause.message}`, cause)));
    connection.on("close", () => end(unavailable(`the agent at ${socket} hung up`)));
    connection.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE();
      if (length < 1 || length > MAX_REPLY_BYTES) return end(refused(`it announces a reply of ${length} bytes`));
      if (received.length > length + 4) return end(refused("it said more than it was asked"));
      if (received.length < length + 4) return;
      resolve(received.subarray(4));
      connection.destroy();
    });
    connection.write(wireString(request));
  });
}

function unavailable(message: string, cause?: unknown): TriplaneError {
  return new TriplaneError("agent_unavailable", message, { cause });
}

function refused(why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("agent_refused", `the ssh-agent's answer is no use: ${why}`, { cause });
}
