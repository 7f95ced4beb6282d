// Git objects as bytes: ids, trees, commits. Ids are recomputed from bytes, never taken from whoever hands them over.
import { createHash } from "node:crypto";
import { TriplaneError } from "@triplane/contract";

export type ObjectType = "blob" | "tree" | "commit" | "tag";

/** 40 hexadecimal digits. */
export type ObjectId = string;

export const OBJECT_ID: RegExp = /^[0-9a-f]{40}$/;

export interface GitObject {
  readonly id: ObjectId;
  readonly type: ObjectType;
  readonly body: Buffer;
}

export function makeObject(type: ObjectType, body: Uint8Array | string): GitObject {
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return { id: objectId(type, bytes), type, body: bytes };
}

/** The id that git gives to a body of this type. */
export function objectId(type: ObjectType, body: Uint8Array): ObjectId {
  return createHash("sha1").update(`${type} ${body.length}\0`, "latin1").update(body).digest("hex");
}

export type TreeMode = "40000" | "100644" | "100755" | "120000" | "160000";

export interface TreeEntry {
  readonly mode: TreeMode;
  readonly name: string;
  readonly id: ObjectId;
}

const MODES = new Set(["40000", "100644", "100755", "120000", "160000"]);
const FORBIDDEN_NAMES = new Set(["", ".", "..", ".git"]);
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Writes a tree in git's order: by bytes of the name, a folder counting as if its name ended in "/". */
export function encodeTree(entries: Iterable<TreeEntry>): Buffer {
  const sorted = [...entries].sort(compareEntries);
  return Buffer.concat(sorted.map((entry) => Buffer.concat([Buffer.from(`${entry.mode} ${entry.name}\0`), Buffer.from(entry.id, "hex")])));
}

/** Reads a tree; refuses what git itself would not write (order, doubles, names that leave the folder). Throws `git_failed`. */
export function decodeTree(body: Uint8Array): TreeEntry[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const entries: TreeEntry[] = [];
  let previous: RawName | undefined;
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, at);
    if (space < 0 || end < space || end + 21 > bytes.length) throw malformed("tree", "it is cut off");
    const mode = bytes.toString("latin1", at, space);
    if (!MODES.has(mode)) throw malformed("tree", `mode ${JSON.stringify(mode)}`);
    const raw: RawName = { start: space + 1, end, isFolder: mode === "40000" };
    const entry: TreeEntry = {
      mode: mode as TreeMode,
      name: decodeName(bytes.subarray(raw.start, end)),
      id: bytes.toString("hex", end + 1, end + 21),
    };
    if (previous !== undefined && (compareRaw(bytes, previous, raw) >= 0 || entries.at(-1)?.name === entry.name)) {
      throw malformed("tree", `${JSON.stringify(entry.name)} is out of order or there twice`);
    }
    entries.push(entry);
    previous = raw;
    at = end + 21;
  }
  return entries;
}

interface RawName {
  readonly start: number;
  readonly end: number;
  readonly isFolder: boolean;
}

/** git's order without copying names: trees are read far more often than written. */
function compareRaw(bytes: Buffer, a: RawName, b: RawName): number {
  const common = Math.min(a.end - a.start, b.end - b.start);
  const order = bytes.compare(bytes, b.start, b.start + common, a.start, a.start + common);
  return order === 0 ? nextByte(bytes, a, common) - nextByte(bytes, b, common) : order;
}

function nextByte(bytes: Buffer, name: RawName, offset: number): number {
  if (name.start + offset < name.end) return bytes[name.start + offset] ?? 0;
  return name.isFolder ? 0x2f : 0;
}

function decodeName(bytes: Uint8Array): string {
  let name: string;
  try {
    name = utf8.decode(bytes);
  } catch (cause) {
    throw new TriplaneError("git_failed", "a tree has a name that is not UTF-8", { cause });
  }
  if (FORBIDDEN_NAMES.has(name.toLowerCase()) || name.includes("/") || name.includes("\\"))
    throw malformed("tree", `the name ${JSON.stringify(name)}`);
  return name;
}

function compareEntries(a: TreeEntry, b: TreeEntry): number {
  return Buffer.compare(Buffer.from(sortName(a)), Buffer.from(sortName(b)));
}

function sortName(entry: TreeEntry): string {
  return entry.mode === "40000" ? `${entry.name}/` : entry.name;
}

export interface CommitFields {
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  /** `name <email> seconds zone`. */
  readonly author: string;
  readonly committer: string;
  readonly message: string;
  /** Value of the gpgsig header, lines separated by newline. */
  readonly signature?: string | undefined;
}

export function encodeCommit(fields: CommitFields): Buffer {
  const lines = [`tree ${fields.tree}`, ...fields.parents.map((parent) => `parent ${parent}`)];
  lines.push(`author ${fields.author}`, `committer ${fields.committer}`);
  if (fields.signature !== undefined) lines.push(`gpgsig ${fields.signature.replaceAll("\n", "\n ")}`);
  return Buffer.from(`${lines.join("\n")}\n\n${fields.message}`, "utf8");
}

export interface DecodedCommit extends CommitFields {
  /** The bytes without the gpgsig header: what a commit signature signs. */
  readonly signedBytes: Buffer;
}

/** Reads a commit. Throws `git_failed` where a header is missing, doubled or malformed. */
export function decodeCommit(body: Uint8Array): DecodedCommit {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const end = bytes.indexOf("\n\n");
  if (end < 0) throw malformed("commit", "it has no message");
  const headers = unfold(bytes.toString("utf8", 0, end));
  const one = (name: string): string => {
    const values = headers.filter((header) => header.name === name);
    const [first] = values;
    if (first === undefined || values.length !== 1) throw malformed("commit", `${values.length} ${name} headers`);
    return first.value;
  };
  const tree = one("tree");
  const parents = headers.filter((header) => header.name === "parent").map((header) => header.value);
  for (const id of [tree, ...parents]) if (!OBJECT_ID.test(id)) throw malformed("commit", `the id ${JSON.stringify(id)}`);
  const signatures = headers.filter((header) => header.name === "gpgsig");
  if (signatures.length > 1) throw malformed("commit", "more than one signature");
  return {
    tree,
    parents,
    author: one("author"),
    committer: one("committer"),
    message: bytes.toString("utf8", end + 2),
    signature: signatures[0]?.value,
    signedBytes: withoutSignature(bytes, end),
  };
}

function unfold(text: string): { name: string; value: string }[] {
  const headers: { name: string; value: string }[] = [];
  for (const line of text.split("\n")) {
    const last = headers.at(-1);
    if (line.startsWith(" ") && last !== undefined) last.value += `\n${line.slice(1)}`;
    else headers.push({ name: line.slice(0, Math.max(line.indexOf(" "), 0)), value: line.slice(line.indexOf(" ") + 1) });
  }
  return headers;
}

function withoutSignature(bytes: Buffer, headersEnd: number): Buffer {
  const start = bytes.indexOf("\ngpgsig ");
  if (start < 0 || start >= headersEnd) return bytes;
  let stop = bytes.indexOf("\n", start + 1);
  while (bytes[stop + 1] === 0x20) stop = bytes.indexOf("\n", stop + 1);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(stop)]);
}

function malformed(what: string, why: string): TriplaneError {
  return new TriplaneError("git_failed", `a ${what} object is malformed: ${why}`);
}
