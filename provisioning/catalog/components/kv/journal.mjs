// The values in memory, and a journal that survives a crash.
//
// 1. A change is confirmed only after its line is on disk (fdatasync).
// 2. A last line that is not whole was never confirmed; it is dropped at the next start.
// 3. The journal is rewritten at start: temporary file, fsync, rename, fsync of the folder.
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

export class Journal {
  #file;
  #values;
  #tail = Promise.resolve();

  constructor(file, values) {
    this.#file = file;
    this.#values = values;
  }

  static async open(folder) {
    const path = join(folder, "journal.jsonl");
    const values = replay(await readText(path));
    const temporary = `${path}.new`;
    const fresh = await open(temporary, "w", 0o600);
    await fresh.writeFile([...values].map(([key, value]) => line(key, value)).join(""));
    await fresh.sync();
    await fresh.close();
    await rename(temporary, path);
    const directory = await open(folder, "r");
    await directory.sync();
    await directory.close();
    return new Journal(await open(path, "a", 0o600), values);
  }

  get size() {
    return this.#values.size;
  }

  get(key) {
    return this.#values.get(key);
  }

  /** `value` undefined removes the key. One change after the other; the first that cannot be written is the last. */
  put(key, value) {
    const next = this.#tail.then(async () => {
      await this.#file.appendFile(line(key, value));
      await this.#file.datasync();
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
    });
    this.#tail = next;
    return next;
  }

  async close() {
    await this.#tail.catch(() => undefined);
    await this.#file.close();
  }
}

function line(key, value) {
  return `${JSON.stringify(value === undefined ? { key } : { key, value: value.toString("base64") })}\n`;
}

function replay(text) {
  const values = new Map();
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  for (const each of whole.split("\n")) {
    if (each === "") continue;
    const { key, value } = JSON.parse(each);
    if (value === undefined) values.delete(key);
    else values.set(key, Buffer.from(value, "base64"));
  }
  return values;
}

async function readText(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
