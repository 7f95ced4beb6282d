// Runs on disk: a folder each, with its journal and its lock.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { namesIfThere, type ProcessLock, tryProcessLock } from "@triplane/kit";
import { type Journal, openJournal, readJournal } from "./journal.ts";
import { applyRecords, type LaterRecord, openRun, type RunRecord, type RunState } from "./state.ts";

/** A run that only this process may add to. */
export interface HeldRun {
  readonly state: RunState;
  readonly folder: string;
  /** Writes events and, when they are on disk, takes them in. */
  add(...records: readonly LaterRecord[]): Promise<RunState>;
  /** Writes events that somebody else takes in. */
  append(records: readonly RunRecord[]): Promise<void>;
  /** After `append`. */
  replace(state: RunState): void;
  close(): Promise<void>;
}

export class RunShelf {
  readonly #folder: string;

  /** @param folder made when the first run is opened. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Ids of all runs, newest first. */
  async ids(): Promise<readonly string[]> {
    return (await namesIfThere(this.#folder))
      .filter((name) => RUN_ID.test(name))
      .sort()
      .reverse();
  }

  /** The whole id of a run that is named by it, or by its beginning or end. Throws `run_unknown`. */
  async idOf(named: string): Promise<string> {
    const ids = await this.ids();
    const fitting = ids.includes(named) ? [named] : named.length < 4 ? [] : ids.filter((id) => id.startsWith(named) || id.endsWith(named));
    const [id, ...others] = fitting;
    if (id !== undefined && others.length === 0) return id;
    const what = id === undefined ? "there is no run" : `${fitting.length} runs are named`;
    throw new TriplaneError("run_unknown", `${what} ${JSON.stringify(named.slice(0, 64))}`);
  }

  /** Throws `run_unknown`, `run_journal_broken`. */
  async read(id: string): Promise<RunState> {
    return (await this.#load(id)).state;
  }

  /** Founds a run. */
  async create(opened: RunState["opened"]): Promise<HeldRun> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const lock = await this.#lock(opened.run);
    return await keptBy(lock, async () => {
      const journal = await openJournal(this.#journal(opened.run), 0);
      await journal.append([opened]);
      return held(openRun(opened), this.#of(opened.run), journal, lock);
    });
  }

  /** Takes a run for this process. Throws `run_busy` while another one has it. */
  async hold(id: string): Promise<HeldRun> {
    // Not before it is known to exist: the lock would make its folder.
    await this.#load(id);
    const lock = await this.#lock(id);
    return await keptBy(lock, async () => {
      const { state, soundBytes } = await this.#load(id);
      return held(state, this.#of(id), await openJournal(this.#journal(id), soundBytes), lock);
    });
  }

  async #load(id: string): Promise<{ readonly state: RunState; readonly soundBytes: number }> {
    const path = this.#journal(id);
    const content = await readJournal(path);
    const [opened, ...rest] = content?.records ?? [];
    if (content === undefined || opened === undefined) throw new TriplaneError("run_unknown", `there is no run ${id}`);
    if (opened.kind !== "opened") throw new TriplaneError("run_journal_broken", `${path}: line 1 does not open a run`);
    try {
      return { state: applyRecords(openRun(opened), rest.map(afterOpening)), soundBytes: content.soundBytes };
    } catch (cause) {
      throw new TriplaneError("run_journal_broken", `${path} does not tell a run`, { cause, details: { file: path } });
    }
  }

  async #lock(id: string): Promise<ProcessLock> {
    const lock = await tryProcessLock(join(this.#of(id), "lock"));
    if ("heldBy" in lock) throw new TriplaneError("run_busy", `process ${lock.heldBy} works on run ${id}`, { details: { run: id } });
    return lock;
  }

  #journal(id: string): string {
    return join(this.#of(id), "journal");
  }

  #of(id: string): string {
    return join(this.#folder, id);
  }
}

const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function afterOpening(record: RunRecord): LaterRecord {
  if (record.kind === "opened") throw new TypeError("a run is opened once");
  return record;
}

async function keptBy(lock: ProcessLock, work: () => Promise<HeldRun>): Promise<HeldRun> {
  try {
    return await work();
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function held(first: RunState, folder: string, journal: Journal, lock: ProcessLock): HeldRun {
  let state = first;
  return {
    get state() {
      return state;
    },
    folder,
    add: async (...records) => {
      const next = applyRecords(state, records);
      await journal.append(records);
      state = next;
      return state;
    },
    append: (records) => journal.append(records),
    replace: (next) => {
      state = next;
    },
    close: async () => {
      await journal.close();
      await lock.release();
    },
  };
}
