// Keeps the settings of an instance in a file that other programs read.
//
// 1. The file of an instance says what its record says, or is brought there at the next start.
// 2. A file that is as wanted is not touched: the same op again has no effect.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Digest, TriplaneError } from "@triplane/contract";
import { ensurePrivateFolder } from "@triplane/kit";
import type { InstanceState } from "../../model.ts";
import type { ConvergeRequest, ConvergeResult, Driver, InstanceHealth } from "../driver.ts";
import { type Effect, EffectsJournal } from "./effects-journal.ts";
import { contentOf, type FileContent, presentDigest, replaceFile, setAside, TEMPORARY } from "./settings-file.ts";

export interface FileDriverParts {
  /** Holds files/ and retired/. */
  readonly dataDir: string;
  readonly clock: Clock;
}

const JOURNAL = "effects.jsonl";
const SUFFIX = ".json";

export class FileDriver implements Driver {
  readonly #parts: FileDriverParts;
  readonly #folder: string;
  readonly #journal: EffectsJournal;
  /** What the files of all instances shall hold. */
  readonly #wanted = new Map<string, Digest>();

  private constructor(parts: FileDriverParts, folder: string, journal: EffectsJournal) {
    this.#parts = parts;
    this.#folder = folder;
    this.#journal = journal;
  }

  static async open(parts: FileDriverParts): Promise<FileDriver> {
    const folder = join(parts.dataDir, "files");
    await ensurePrivateFolder(folder);
    return new FileDriver(parts, folder, await EffectsJournal.open(join(folder, JOURNAL)));
  }

  /**
   * Brings files back to what is recorded; call once, before anything else. Targets in `busy` are left for the op that works on them.
   * Returns the targets whose file cannot be brought back now.
   */
  async adoptAll(instances: ReadonlyMap<string, InstanceState>, isBusy: (target: string) => boolean): Promise<readonly string[]> {
    for (const name of await readdir(this.#folder)) if (TEMPORARY.test(name)) await this.#delete(name);
    const missing: string[] = [];
    for (const [target, state] of instances) if (!(await this.#adopt(target, state, isBusy(target)))) missing.push(target);
    return missing;
  }

  /** Clears files away that no record has. */
  async clear(isKept: (target: string) => boolean): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const target = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
      if (target === undefined || isKept(target)) continue;
      await this.#delete(name);
      this.#tell({ jti: null, target, generation: null, action: "restore", digest: null });
    }
  }

  async converge(request: ConvergeRequest): Promise<ConvergeResult> {
    const { target, want, jti } = request;
    const content = want === undefined ? undefined : contentOf(target, want);
    let effect: boolean;
    try {
      effect = await this.#bring(target, content, jti);
    } catch (error) {
      const why = error instanceof Error && "code" in error ? String(error.code) : "unknown";
      return { ok: false, message: `the file of ${target} cannot be changed: ${why}`, evidence: { rollback: "untouched" } };
    }
    const after = { target, generation: want?.generation ?? null, digest: content?.digest ?? null };
    const action = want === undefined ? "remove" : "write";
    if (effect) this.#tell({ jti, ...after, action });
    // Killed between effect and line: the state's own op is the one that had the effect.
    else if (this.#journal.told(target) !== content?.digest) this.#tell({ jti: want?.generation ?? jti, ...after, action });
    if (content === undefined) this.#wanted.delete(target);
    else this.#wanted.set(target, content.digest);
    return { ok: true, endpoints: [], evidence: content === undefined ? {} : { file_digest: content.digest } };
  }

  /** Whether an instance of that name is kept here. */
  has(target: string): boolean {
    return this.#wanted.has(target);
  }

  health(target: string): InstanceHealth {
    const wanted = this.#wanted.get(target);
    if (wanted === undefined) return "stopped";
    try {
      return presentDigest(this.#path(target)) === wanted ? "healthy" : "unhealthy";
    } catch {
      return "unhealthy";
    }
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  async #adopt(target: string, state: InstanceState, busy: boolean): Promise<boolean> {
    const { text, digest } = contentOf(target, state);
    this.#wanted.set(target, digest);
    if (busy) return true;
    try {
      if (presentDigest(this.#path(target)) === digest) return true;
      await replaceFile(this.#folder, fileName(target), text);
    } catch {
      return false;
    }
    this.#tell({ jti: state.generation, target, generation: state.generation, action: "restore", digest });
    return true;
  }

  /** Whether something had to be done. */
  async #bring(target: string, content: FileContent | undefined, jti: string): Promise<boolean> {
    const path = this.#path(target);
    if (presentDigest(path) === content?.digest) return false;
    if (content === undefined) await setAside(path, join(this.#parts.dataDir, "retired", target, jti, fileName(target)));
    else await replaceFile(this.#folder, fileName(target), content.text);
    return true;
  }

  #tell(effect: Omit<Effect, "at_ms">): void {
    try {
      this.#journal.append({ ...effect, at_ms: this.#parts.clock.nowMs() });
    } catch (cause) {
      throw new TriplaneError("unavailable", "the journal of effects cannot be written", { cause });
    }
  }

  async #delete(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true, recursive: true });
  }

  #path(target: string): string {
    return join(this.#folder, fileName(target));
  }
}

function fileName(target: string): string {
  return `${target}${SUFFIX}`;
}
