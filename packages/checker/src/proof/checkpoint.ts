// A checkpoint of the ledger: C2SP signed note with a time line, as docs/reference/ledger-format.md has it.
import { createHash } from "node:crypto";
import { isSignedBy, publicKeyOf } from "./ed25519.ts";

export interface Checkpoint {
  readonly size: number;
  readonly root: string;
  readonly timeMs: number;
}

/** Throws where the note is not one of this log with this key's signature. */
export function openCheckpoint(note: string, origin: string, did: string): Checkpoint {
  const end = note.lastIndexOf("\n\n");
  if (end < 0) throw new Error("the checkpoint is no signed note");
  const text = note.slice(0, end + 1);
  const [name = "", size = "", root = "", time = "", last, ...more] = text.split("\n");
  const timeMs = /^time (\d{1,15})$/.exec(time)?.[1];
  if (name !== origin || !/^\d{1,15}$/.test(size) || timeMs === undefined || last !== "" || more.length > 0)
    throw new Error(`the checkpoint is not one of ${origin}`);
  const id = createHash("sha256").update(`${origin}\n`).update(Buffer.of(1)).update(publicKeyOf(did)).digest().subarray(0, 4);
  const signed = note
    .slice(end + 2)
    .split("\n")
    .some((line) => {
      const [dash, signer, base64 = ""] = line.split(" ");
      const bytes = Buffer.from(base64, "base64");
      return dash === "—" && signer === origin && bytes.subarray(0, 4).equals(id) && isSignedBy(did, Buffer.from(text), bytes.subarray(4));
    });
  if (!signed) throw new Error(`the checkpoint carries no signature of ${did}`);
  return { size: Number(size), root, timeMs: Number(timeMs) };
}
