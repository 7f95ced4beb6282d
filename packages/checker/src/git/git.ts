// Asks git about a repository that may be anybody's: no configuration of the machine or of the repository, no hooks, no network.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

const PASSED_ON = ["PATH", "HOME", "TMPDIR"] as const;
const FIXED = ["-c", "core.hooksPath=/dev/null", "-c", "core.commitGraph=false", "-c", "core.fsmonitor=false", "-c", "safe.directory=*"];
const TIMEOUT_MS = 120_000;

function environment(): Record<string, string> {
  const kept = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return {
    ...Object.fromEntries(kept),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_NO_LAZY_FETCH: "1",
    GIT_OPTIONAL_LOCKS: "0",
    LC_ALL: "C",
  };
}

/** Lines of git's output; throws what git said. */
export async function gitLines(repo: string, args: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await runGit(repo, args);
  if (code !== 0) throw new Error(`git ${args[0] ?? ""} on ${repo}: ${err.trim().slice(0, 500) || `exit code ${code}`}`);
  return out.split("\n").filter((line) => line !== "");
}

export function runGit(
  repo: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...FIXED, `--git-dir=${repo}`, ...args], {
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const out: Buffer[] = [];
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      err = (err + chunk).slice(0, 4000);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out: Buffer.concat(out).toString("utf8"), err }));
  });
}

export interface GitCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly signature: string | undefined;
  /** The commit without its signature: what was signed. */
  readonly unsigned: Buffer;
}

const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** One `git cat-file --batch`, asked one object after another. */
export class Objects implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #chunks: Buffer[] = [];
  #buffered = 0;
  #ended: Error | undefined;
  #wake: () => void = () => undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(repo: string) {
    this.#child = spawn("git", [...FIXED, `--git-dir=${repo}`, "cat-file", "--batch"], { env: environment() });
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      this.#wake();
    });
    const end = (error?: Error): void => {
      this.#ended = error ?? new Error(`git cat-file on ${repo} ended`);
      this.#wake();
    };
    this.#child.once("error", end);
    this.#child.once("close", () => end());
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.resume();
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }

  /** An object by id or `<commit>:<path>`; undefined where there is none. */
  read(name: string): Promise<{ readonly id: string; readonly type: string; readonly bytes: Buffer } | undefined> {
    if (/[\n\0]/.test(name)) return Promise.reject(new Error("a name of an object is one line"));
    const next = this.#tail.then(() => this.#read(name));
    this.#tail = next.catch(() => undefined);
    return next;
  }

  async blob(name: string): Promise<Buffer | undefined> {
    const found = await this.read(name);
    return found?.type === "blob" ? found.bytes : undefined;
  }

  async commit(id: string): Promise<GitCommit> {
    const found = await this.read(id);
    if (found?.type !== "commit") throw new Error(`there is no commit ${id}`);
    return splitCommit(found.bytes);
  }

  async #read(name: string): Promise<{ readonly id: string; readonly type: string; readonly bytes: Buffer } | undefined> {
    this.#child.stdin.write(`${name}\n`);
    const head = (await this.#line()).split(" ");
    const [id, type, size] = head;
    if (head.at(-1) === "missing" || head.at(-1) === "ambiguous") return undefined;
    if (id === undefined || type === undefined || size === undefined) throw new Error(`git answered ${head.join(" ").slice(0, 200)}`);
    const length = Number(size);
    if (length > MAX_OBJECT_BYTES) throw new Error(`the object ${id} has ${length} bytes`);
    const bytes = await this.#take(length + 1);
    return { id, type, bytes: bytes.subarray(0, length) };
  }

  async #line(): Promise<string> {
    for (;;) {
      const all = this.#joined();
      const end = all.indexOf(0x0a);
      if (end >= 0) return (await this.#take(end + 1)).subarray(0, end).toString("utf8");
      await this.#more();
    }
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#buffered < count) await this.#more();
    const all = this.#joined();
    this.#chunks.splice(0, this.#chunks.length, all.subarray(count));
    this.#buffered -= count;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    if (all !== undefined) return all;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks.splice(0, this.#chunks.length, joined);
    return joined;
  }

  async #more(): Promise<void> {
    const before = this.#buffered;
    if (this.#ended !== undefined) throw this.#ended;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#buffered === before && this.#ended !== undefined) throw this.#ended;
  }
}

function splitCommit(bytes: Buffer): GitCommit {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\n\n");
  const headers = text.slice(0, end < 0 ? text.length : end).split("\n");
  const kept: string[] = [];
  const signature: string[] = [];
  let inSignature = false;
  for (const header of headers) {
    inSignature = header.startsWith(" ") ? inSignature : header.startsWith("gpgsig ");
    if (!inSignature) kept.push(header);
    else signature.push(header.startsWith("gpgsig ") ? header.slice("gpgsig ".length) : header.slice(1));
  }
  const valuesOf = (name: string): string[] =>
    kept.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const message = end < 0 ? "" : text.slice(end + 2);
  const [tree = ""] = valuesOf("tree");
  return {
    tree,
    parents: valuesOf("parent"),
    message: Buffer.from(message, "latin1").toString("utf8"),
    signature: signature.length === 0 ? undefined : signature.join("\n"),
    unsigned: Buffer.from(`${kept.join("\n")}\n\n${message}`, "latin1"),
  };
}
