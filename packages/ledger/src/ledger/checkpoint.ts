// Checkpoints: C2SP tlog-checkpoint notes {origin, size, root} with the time as an extension line, signed per C2SP signed-note.
import { createHash } from "node:crypto";
import { type Did, publicKeyOfDid, type SigningKey, TriplaneError, verifySignature } from "@triplane/contract";
import type { Checkpoint } from "../types.ts";

const ED25519_NOTE = 0x01;
const MAX_NOTE_BYTES = 16 * 1024;
const MAX_SIGNATURES = 16;

/** The log's name in its checkpoints. A state repository of one workspace has one. */
export function checkpointOrigin(workspace: string, stateRid: string): string {
  return `triplane/${workspace}/${stateRid}`;
}

export function signCheckpoint(origin: string, size: number, root: Uint8Array, timeMs: number, key: SigningKey): Checkpoint {
  const root64 = Buffer.from(root).toString("base64");
  const text = `${origin}\n${size}\n${root64}\ntime ${timeMs}\n`;
  const signature = Buffer.concat([noteKeyId(origin, key.publicKey), key.sign(Buffer.from(text, "utf8"))]);
  return { size, root: root64, timeMs, note: `${text}\n— ${origin} ${signature.toString("base64")}\n` };
}

/** Verifies a note against its log's name and key. Throws `ledger_tree_invalid`. */
export function readCheckpoint(note: string, origin: string, signer: Did): Checkpoint {
  if (note.length > MAX_NOTE_BYTES) throw invalid("it is too large");
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n")) throw invalid("it is not a signed note");
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw invalid("it has too many signatures");
  verifyNote(text, lines, origin, signer);
  const [name, size = "", root = "", time = "", ...rest] = text.slice(0, -1).split("\n");
  const [, timeMs] = /^time (0|[1-9][0-9]{0,14})$/.exec(time) ?? [];
  if (name !== origin) throw invalid(`its origin is ${JSON.stringify(name)}, not ${origin}`);
  if (!/^(?:0|[1-9][0-9]{0,14})$/.test(size) || rest.length > 0 || timeMs === undefined)
    throw invalid("its lines are not size, root and time");
  const rootBytes = Buffer.from(root, "base64");
  if (rootBytes.length !== 32 || rootBytes.toString("base64") !== root) throw invalid("its root is not a SHA-256 in base64");
  return { size: Number(size), root, timeMs: Number(timeMs), note };
}

function verifyNote(text: string, lines: readonly string[], origin: string, signer: Did): void {
  const id = noteKeyId(origin, publicKeyOfDid(signer));
  for (const line of lines) {
    const [, name, base64 = ""] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
    if (name === undefined) throw invalid("a signature line is malformed");
    const bytes = Buffer.from(base64, "base64");
    if (name !== origin || bytes.toString("base64") !== base64 || !bytes.subarray(0, 4).equals(id)) continue;
    try {
      verifySignature(signer, Buffer.from(text, "utf8"), bytes.subarray(4));
      return;
    } catch (cause) {
      throw new TriplaneError("ledger_tree_invalid", `the checkpoint is refused: ${signer} did not sign it`, { cause });
    }
  }
  throw invalid(`it has no signature of ${signer}`);
}

/** First four bytes of SHA-256(name, newline, type, key), by which a signature line names its key. */
export function noteKeyId(name: string, publicKey: Uint8Array): Buffer {
  return createHash("sha256").update(`${name}\n`, "utf8").update(Buffer.of(ED25519_NOTE)).update(publicKey).digest().subarray(0, 4);
}

function invalid(why: string): TriplaneError {
  return new TriplaneError("ledger_tree_invalid", `the checkpoint is refused: ${why}`);
}
