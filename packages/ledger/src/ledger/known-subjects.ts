// What the writer knows of the subjects in its ledger: a table beside the repository, brought up to date when it is opened.
import { join } from "node:path";
import type { ObjectId, ObjectReader } from "../git/index.ts";
import { recordAt } from "./record-at.ts";
import type { Standing } from "./standing.ts";
import { keysFrom, subjectKey } from "./subject-index.ts";
import { removeTable, SubjectTable } from "./subject-table.ts";
import { subjectOfRecord } from "./working-copy.ts";

const TABLE_NAME = "triplane-subjects.sqlite";
/** Batches that a table may be behind, after a crash, before it is made anew. */
const MAX_BEHIND = 64;

export class KnownSubjects {
  readonly #path: string;
  readonly #objects: ObjectReader;
  readonly #table: SubjectTable;
  #damaged = false;

  private constructor(path: string, objects: ObjectReader, table: SubjectTable) {
    this.#path = path;
    this.#objects = objects;
    this.#table = table;
  }

  /** Call only while holding the writer's lock. */
  static async open(repoDir: string, objects: ObjectReader, standing: Standing): Promise<KnownSubjects> {
    const path = join(repoDir, TABLE_NAME);
    const table = SubjectTable.open(path);
    try {
      const known = new KnownSubjects(path, objects, table);
      await known.#catchUp(standing);
      return known;
    } catch (cause) {
      table.close();
      // The next one begins with an empty table, whatever was wrong with this one.
      removeTable(path);
      throw cause;
    }
  }

  /** Exact: whether the ledger has a record of this subject. */
  async has(subject: string, standing: Standing): Promise<boolean> {
    if (standing.head === undefined) return false;
    for (const index of this.#guarded(() => this.#table.candidates(subjectKey(subject)))) {
      const compact = await recordAt(this.#objects, standing.head.tree, index);
      if (compact !== undefined && subjectOfRecord(compact) === subject) return true;
    }
    return false;
  }

  add(subjects: readonly string[], firstIndex: number, commit: ObjectId): void {
    this.#change(() => {
      this.#table.add(Buffer.concat(subjects.map(subjectKey)), firstIndex);
      this.#table.setNote("covers", `${firstIndex + subjects.length} ${commit}`);
    });
  }

  close(): void {
    this.#table.close();
    if (this.#damaged) removeTable(this.#path);
  }

  async #catchUp(standing: Standing): Promise<void> {
    const { size } = standing.position.tree;
    const from = await this.#coveredBy(standing);
    if (from === size && from > 0) return;
    const parts: { readonly firstIndex: number; readonly keys: Buffer }[] = [];
    const { head } = standing;
    if (head !== undefined)
      for await (const part of keysFrom(from ?? 0, size, (path) => this.#objects.fileAt(head.tree, path))) parts.push(part);
    this.#change(() => {
      if (from === undefined) this.#table.clear();
      for (const { keys, firstIndex } of parts) this.#table.add(keys, firstIndex);
      if (head !== undefined) this.#table.setNote("covers", `${size} ${head.commit}`);
    });
  }

  /** Records that the table has, if it was made from this history; else undefined. */
  async #coveredBy(standing: Standing): Promise<number | undefined> {
    const [size, commit] = (this.#table.note("covers") ?? "").split(" ");
    if (commit === undefined || Number(size) > standing.position.tree.size) return undefined;
    let at = standing.head?.commit;
    for (let steps = 0; at !== undefined && steps <= MAX_BEHIND; steps += 1) {
      if (at === commit) return Number(size);
      [at] = (await this.#objects.commit(at)).parents;
    }
    return undefined;
  }

  #change(work: () => void): void {
    this.#guarded(() => {
      this.#table.begin();
      try {
        work();
        this.#table.commit();
      } catch (cause) {
        this.#table.rollback();
        throw cause;
      }
    });
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      this.#damaged = true;
      throw cause;
    }
  }
}
