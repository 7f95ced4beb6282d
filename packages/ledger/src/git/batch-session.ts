// One `git cat-file --batch` child for each repository that is being read, shared by all readers of this process and ended soon after the last.
//
// 1. Starting a program costs a large process more than most reads do; verifying a governed repository opens dozens of readers in a row.
// 2. The id of everything is recomputed from the bytes that git hands out, whichever child they come from.
// 3. A child that nobody uses keeps no process alive.
// 4. What an id names never changes: small objects are kept for as long as the child, because verifying one repository asks for most of
//    them again and again, and a question costs more than hashing the answer.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { resolve as resolvePath } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type GitObject, OBJECT_ID, type ObjectId, type ObjectType, objectId } from "./objects.ts";
import { gitArguments, gitEnvironment } from "./process.ts";

const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const MAX_KEPT_OBJECT_BYTES = 32 * 1024;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
/** What an object takes besides its bytes, about. */
const OVERHEAD_BYTES = 512;
/** How long a child waits for the next reader. */
const IDLE_MS = 250;

interface Shared {
  readonly session: BatchSession;
  users: number;
  timer: NodeJS.Timeout | undefined;
}

const sessions = new Map<string, Shared>();

export interface Borrowed {
  readonly session: Pick<BatchSession, "ask">;
  /** A second call does nothing. */
  readonly giveBack: () => void;
}

/** The session of a repository's folder. Give it back when done. */
export function borrowSession(repoDir: string): Borrowed {
  const path = resolvePath(repoDir);
  const shared = sessions.get(path) ?? { session: new BatchSession(path), users: 0, timer: undefined };
  sessions.set(path, shared);
  clearTimeout(shared.timer);
  shared.users += 1;
  let isMine = true;
  const giveBack = (): void => {
    if (!isMine) return;
    isMine = false;
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.timer = setTimeout(() => {
      sessions.delete(path);
      shared.session.close();
    }, IDLE_MS).unref();
  };
  return { session: shared.session, giveBack };
}

interface Waiting {
  readonly id: ObjectId;
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (failure: TriplaneError) => void;
}

class BatchSession {
  readonly #repoDir: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #wantBytes = 1;
  #waiting: Waiting[] = [];
  /** The oldest first. */
  readonly #kept = new Map<ObjectId, GitObject>();
  #keptBytes = 0;

  constructor(repoDir: string) {
    this.#repoDir = repoDir;
  }

  ask(id: ObjectId): Promise<GitObject | undefined> {
    if (!OBJECT_ID.test(id)) return Promise.reject(new TriplaneError("git_failed", `${JSON.stringify(id)} is not an object id`));
    const kept = this.#kept.get(id);
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      const child = this.#running();
      if (this.#waiting.length === 0) holdProcess(child, true);
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
    if (this.#waiting.length === 0 && this.#child !== undefined) holdProcess(this.#child, false);
  }

  #answer(asked: Waiting, type: ObjectType, body: Buffer, id: string | undefined): void {
    const actual = objectId(type, body);
    if (id === asked.id && actual === asked.id) {
      const object = { id: actual, type, body };
      this.#keep(object);
      asked.resolve(object);
    } else
      asked.reject(
        new TriplaneError("git_failed", `object ${asked.id} is damaged: its bytes are ${actual}`, { details: { object: asked.id } }),
      );
  }

  #keep(object: GitObject): void {
    if (object.body.length > MAX_KEPT_OBJECT_BYTES || this.#kept.has(object.id)) return;
    this.#kept.set(object.id, object);
    this.#keptBytes += object.body.length + OVERHEAD_BYTES;
    for (const [id, { body }] of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) return;
      this.#kept.delete(id);
      this.#keptBytes -= body.length + OVERHEAD_BYTES;
    }
  }
}

/** Whether this process has to stay for the child's answer. */
function holdProcess(child: ChildProcessWithoutNullStreams, hold: boolean): void {
  const pipes = [child.stdin, child.stdout, child.stderr] as unknown as readonly Socket[];
  for (const each of [child, ...pipes]) {
    if (hold) each.ref();
    else each.unref();
  }
}
