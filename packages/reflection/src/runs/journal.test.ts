import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { openJournal, readJournal } from "./journal.ts";
import type { RunRecord } from "./state.ts";

const folder = mkdtempSync(join(tmpdir(), "triplane-journal-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const started = (step: string): RunRecord => ({ kind: "started", step, at: "2026-03-01T09:00:00.000Z" });

async function written(name: string, ...steps: readonly string[]): Promise<string> {
  const path = join(folder, name, "journal");
  const journal = await openJournal(path, 0);
  for (const step of steps) await journal.append([started(step)]);
  await journal.close();
  return path;
}

describe("journal", () => {
  it("gives back what was written, in a file that only its owner reads", async () => {
    const path = await written("whole", "a", "b");
    assert.deepEqual((await readJournal(path))?.records, [started("a"), started("b")]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(await readJournal(join(folder, "nowhere")), undefined);
  });

  it("drops a last line that a crash tore, wherever it was torn, and goes on from there", async () => {
    const path = await written("torn", "a", "b");
    const whole = readFileSync(path);
    const second = whole.indexOf(0x0a) + 1;
    for (let length = second; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const content = await readJournal(path);
      assert.deepEqual(content?.records, [started("a")]);
      assert.equal(content?.soundBytes, second);
    }
    const journal = await openJournal(path, second);
    await journal.append([started("c")]);
    await journal.close();
    assert.deepEqual((await readJournal(path))?.records, [started("a"), started("c")]);
  });

  it("drops a last line of the right length whose bytes never reached the disk", async () => {
    const path = await written("zeros", "a", "b");
    const whole = readFileSync(path);
    truncateSync(path, whole.indexOf(0x0a) + 1);
    appendFileSync(path, Buffer.alloc(whole.length - whole.indexOf(0x0a) - 1));
    assert.deepEqual((await readJournal(path))?.records, [started("a")]);
  });

  it("says run_journal_broken where a line before the last is damaged", async () => {
    const path = await written("broken", "a", "b", "c");
    const bytes = readFileSync(path);
    const at = bytes.indexOf('"b"');
    bytes.write("x", at + 1);
    writeFileSync(path, bytes);
    await assert.rejects(readJournal(path), (error) => error instanceof TriplaneError && error.code === "run_journal_broken");
  });
});
