// Reads objects through one `git cat-file --batch` child and recomputes the id of everything it hands out.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { TriplaneError } from "@triplane/contract";
import {
  type DecodedCommit,
  decodeCommit,
  decodeTree,
  type GitObject,
  OBJECT_ID,
  type ObjectId,
  type ObjectType,
  objectId,
  type TreeEntry,
} from "./objects.ts";
import { gitArguments, gitEnvironment } from "./process.ts";

const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
// What an id names never changes, and its bytes were hashed when it was read.
const CACHED_TREES = 1024;

export interface ObjectReader {
  /** Throws `git_failed` where the object is missing, damaged, or of another type. */
  read(id: ObjectId, type: ObjectType): Promise<GitObject>;
  has(id: ObjectId): Promise<boolean>;
  blob(id: ObjectId): Promise<Buffer>;
  tree(id: ObjectId): Promise<readonly TreeEntry[]>;
  commit(id: ObjectId): Promise<DecodedCommit>;
  /** The entry at a path below a tree, or undefined. */
  entryAt(tree: ObjectId, path: string): Promise<TreeEntry | undefined>;
  /** The blob at a path below a tree, or undefined where there is no file. */
  fileAt(tree: ObjectId, path: string): Promise<Buffer | undefined>;
  close(): void;
}

interface Waiting {
  readonly id: ObjectId;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (failure: TriplaneError) => void;
}

export function openObjects(repoDir: string): ObjectReader {
  const session = new BatchSession(repoDir);

  async function read(id: ObjectId, type: ObjectType): Promise<GitObject> {
    const object = await session.ask(id);
    if (object === undefined) throw new TriplaneError("git_failed", `object ${id} is missing`, { details: { object: id } });
    if (object.type !== type)
      throw new TriplaneError("git_failed", `object ${id} is a ${object.type}, not a ${type}`, { details: { object: id } });
    return object;
  }
  const trees = new Map<ObjectId, readonly TreeEntry[]>();
  async function tree(id: ObjectId): Promise<readonly TreeEntry[]> {
    const known = trees.get(id);
    if (known !== undefined) return known;
    const entries = decodeTree((await read(id, "tree")).body);
    const [oldest] = trees.keys();
    if (trees.size >= CACHED_TREES && oldest !== undefined) trees.delete(oldest);
    trees.set(id, entries);
    return entries;
  }
  async function entryAt(root: ObjectId, path: string): Promise<TreeEntry | undefined> {
    let entry: TreeEntry = { mode: "40000", name: "", id: root };
    for (const name of path.split("/")) {
      if (entry.mode !== "40000") return undefined;
      const next = (await tree(entry.id)).find((candidate) => candidate.name === name);
      if (next === undefined) return undefined;
      entry = next;
    }
    return entry;
  }
  return {
    read,
    tree,
    entryAt,
    has: async (id) => (await session.ask(id)) !== undefined,
    blob: async (id) => (await read(id, "blob")).body,
    commit: async (id) => decodeCommit((await read(id, "commit")).body),
    async fileAt(root, path) {
      const entry = await entryAt(root, path);
      if (entry === undefined || entry.mode !== "100644") return undefined;
      return (await read(entry.id, "blob")).body;
    },
    close: () => session.close(),
  };
}

class BatchSession {
  readonly #repoDir: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #wantBytes = 1;
  #waiting: Waiting[] = [];

  constructor(repoDir: string) {
    this.#repoDir = repoDir;
  }

  ask(id: ObjectId): Promise<GitObject | undefined> {
    if (!OBJECT_ID.test(id)) return Promise.reject(new TriplaneError("git_failed", `${JSON.stringify(id)} is not an object id`));
    return new Promise((resolve, reject) => {
      const child = this.#running();
      this.#waiting.push({ id, resolve, reject });
      child.stdin.write(`${id}\n`);
    });
  }

  close(): void {
    this.#child?.stdin.end();
    this.#child = undefined;
  }

  #running(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    const child = spawn("git", gitArguments(this.#repoDir, ["cat-file", "--batch"]), {
      env: gitEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    child.stdin.on("error", () => {});
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString("utf8");
    });
    child.stdout.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#sizeBytes += chunk.length;
      if (this.#sizeBytes >= this.#wantBytes) this.#drain();
    });
    child.on("error", (cause) => this.#fail(child, `git could not be started: ${cause.message}`));
    // git dies on an object that it cannot inflate: whoever waits is told, the next question starts a new child.
    child.on("close", () => this.#fail(child, `git cat-file ended: ${said.trim()}`));
    this.#child = child;
    this.#chunks = [];
    this.#sizeBytes = 0;
    this.#wantBytes = 1;
    return child;
  }

  #fail(child: ChildProcessWithoutNullStreams, why: string): void {
    if (this.#child === child) this.#child = undefined;
    else if (this.#child !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { id, reject } of waiting)
      reject(new TriplaneError("git_failed", `object ${id} cannot be read: ${why}`, { details: { object: id } }));
  }

  #drain(): void {
    let data = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    this.#wantBytes = 1;
    while (data.length > 0) {
      const lineEnd = data.indexOf(0x0a);
      if (lineEnd < 0) break;
      const [id, type, size] = data.toString("latin1", 0, lineEnd).split(" ");
      const asked = this.#waiting[0];
      if (asked === undefined) break;
      if (type === "missing" || size === undefined) {
        this.#waiting.shift();
        asked.resolve(undefined);
        data = data.subarray(lineEnd + 1);
        continue;
      }
      const sizeBytes = Number(size);
      if (sizeBytes > MAX_OBJECT_BYTES) {
        this.#child?.kill("SIGKILL");
        break;
      }
      const total = lineEnd + 1 + sizeBytes + 1;
      if (data.length < total) {
        this.#wantBytes = total;
        break;
      }
      this.#waiting.shift();
      this.#answer(asked, type as ObjectType, Buffer.from(data.subarray(lineEnd + 1, total - 1)), id);
      data = data.subarray(total);
    }
    this.#chunks = data.length > 0 ? [data] : [];
    this.#sizeBytes = data.length;
  }

  #answer(asked: Waiting, type: ObjectType, body: Buffer, id: string | undefined): void {
    const actual = objectId(type, body);
    if (id === asked.id && actual === asked.id) asked.resolve({ id: actual, type, body });
    else
      asked.reject(
        new TriplaneError("git_failed", `object ${asked.id} is damaged: its bytes are ${actual}`, { details: { object: asked.id } }),
      );
  }
}
