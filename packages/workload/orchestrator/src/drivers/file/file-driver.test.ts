import assert from "node:assert/strict";
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import type { InstanceState } from "../../model.ts";
import { newJti, type TestHome, testHome } from "../../testing.ts";
import type { Effect } from "./effects-journal.ts";
import { FileDriver } from "./file-driver.ts";

const idle = (): boolean => false;
const open = (home: TestHome): Promise<FileDriver> => FileDriver.open({ dataDir: home.path, clock: systemClock });
const file = (home: TestHome, name: string): string => join(home.path, "files", name);

async function journal(home: TestHome): Promise<readonly Effect[]> {
  const text = await readFile(file(home, "effects.jsonl"), "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Effect);
}

function notes(text: string, generation = newJti()): InstanceState {
  const about = { component: "notes", version: "1.0.0", definition: digestOf("notes"), replicas: 1, managed_by: "op" } as const;
  return { ...about, settings: { text }, generation };
}

const put = (driver: FileDriver, want: InstanceState, previous?: InstanceState) =>
  driver.converge({ target: "n", want, previous, jti: want.generation });

test("FileDriver: the file is canonical JSON with settings, instance and generation, for its owner only", async () => {
  await using home = await testHome();
  const driver = await open(home);
  const state = notes("hello");
  const result = await put(driver, state);
  const text = await readFile(file(home, "n.json"), "utf8");
  assert.equal(
    text,
    `{"component":"notes","generation":"${state.generation}","instance":"n","settings":{"text":"hello"},"version":"1.0.0"}\n`,
  );
  assert.deepEqual(result, { ok: true, endpoints: [], evidence: { file_digest: digestOf(text) } });
  assert.equal((await stat(file(home, "n.json"))).mode & 0o777, 0o600);
  const [line] = await journal(home);
  assert.equal(typeof line?.at_ms, "number");
  const expected = { jti: state.generation, target: "n", generation: state.generation, action: "write", digest: digestOf(text) };
  assert.deepEqual({ ...line, at_ms: 0 }, { ...expected, at_ms: 0 });
  await driver.close();
});

test("FileDriver: removing sets the file aside and is told with the op that removed", async () => {
  await using home = await testHome();
  const driver = await open(home);
  await put(driver, notes("hello"));
  const jti = newJti();
  await driver.converge({ target: "n", want: undefined, previous: undefined, jti });
  assert.match(await readFile(join(home.path, "retired", "n", jti, "n.json"), "utf8"), /hello/);
  const last = (await journal(home)).at(-1);
  assert.deepEqual([last?.jti, last?.action, last?.digest, last?.generation], [jti, "remove", null, null]);
  assert.deepEqual(await readdir(join(home.path, "files")), ["effects.jsonl"]);
  await driver.close();
});

test("FileDriver: killed between effect and line, the line is paid by the same op, once (applied-once)", async () => {
  await using home = await testHome();
  const [before, after] = [notes("before"), notes("after")];
  const first = await open(home);
  await put(first, before);
  await put(first, after, before);
  await first.close();
  const lines = (await readFile(file(home, "effects.jsonl"), "utf8")).split("\n");
  const unwritten = "\0".repeat(200_000);
  for (const torn of ["", lines[1]?.slice(0, 30) ?? "", lines[1] ?? "", unwritten, `${lines[1]?.slice(0, 30)}${unwritten}`]) {
    await writeFile(file(home, "effects.jsonl"), `${lines[0]}\n${torn}`);
    const next = await open(home);
    await next.adoptAll(new Map([["n", before]]), (target) => target === "n");
    await put(next, after, before);
    await put(next, after, before);
    await next.close();
    assert.deepEqual(
      (await journal(home)).map(({ jti, action }) => [jti, action]),
      [
        [before.generation, "write"],
        [after.generation, "write"],
      ],
    );
  }
});

test("FileDriver: a removal that was killed before its line is told by its op", async () => {
  await using home = await testHome();
  const first = await open(home);
  await put(first, notes("there"));
  await first.close();
  await rm(file(home, "n.json"));
  const next = await open(home);
  const jti = newJti();
  await next.converge({ target: "n", want: undefined, previous: undefined, jti });
  await next.close();
  assert.deepEqual(
    (await journal(home)).map((line) => line.action),
    ["write", "remove"],
  );
});

test("FileDriver: a start brings back what a power cut took, clears what no record has, and leaves targets in work alone", async () => {
  await using home = await testHome();
  const [kept, lost] = [notes("kept"), notes("lost")];
  const first = await open(home);
  await put(first, kept);
  await first.close();
  await writeFile(file(home, "stray.json"), "{}");
  await writeFile(file(home, "working.json"), "{}");
  await writeFile(file(home, ".n.json.tmp"), "half");
  const next = await open(home);
  await next.clear((target) => target !== "stray");
  const instances = new Map([
    ["n", kept],
    ["l", lost],
    ["working", notes("old")],
  ]);
  assert.deepEqual(await next.adoptAll(instances, (target) => target === "working"), []);
  assert.equal(next.health("l"), "healthy");
  assert.equal(await readFile(file(home, "working.json"), "utf8"), "{}");
  assert.deepEqual((await readdir(join(home.path, "files"))).sort(), ["effects.jsonl", "l.json", "n.json", "working.json"]);
  assert.deepEqual(
    (await journal(home)).slice(1).map(({ jti, target, action }) => [jti, target, action]),
    [
      [null, "stray", "restore"],
      [lost.generation, "l", "restore"],
    ],
  );
  await next.close();
});

test("FileDriver: somebody else's change makes the instance unhealthy, and the next start brings it back", async () => {
  await using home = await testHome();
  const state = notes("ours");
  const driver = await open(home);
  await put(driver, state);
  await appendFile(file(home, "n.json"), "theirs");
  assert.equal(driver.health("n"), "unhealthy");
  await rm(file(home, "n.json"));
  assert.equal(driver.health("n"), "unhealthy");
  await driver.close();
  const next = await open(home);
  await next.adoptAll(new Map([["n", state]]), idle);
  assert.equal(next.health("n"), "healthy");
  await next.close();
});

test("FileDriver: a file that cannot be brought back is named, and does not keep the others from coming back", async () => {
  await using home = await testHome();
  await mkdir(file(home, "n.json"), { recursive: true });
  const driver = await open(home);
  const instances = new Map([
    ["n", notes("x")],
    ["m", notes("y")],
  ]);
  assert.deepEqual(await driver.adoptAll(instances, idle), ["n"]);
  assert.deepEqual([driver.health("n"), driver.health("m")], ["unhealthy", "healthy"]);
  await driver.close();
});

test("FileDriver: lines of the journal that do not read are no reason to stop", async () => {
  await using home = await testHome();
  await mkdir(join(home.path, "files"), { recursive: true });
  await writeFile(file(home, "effects.jsonl"), "\0\0\0\n{}\nnothing\n");
  const driver = await open(home);
  const state = notes("x");
  await put(driver, state);
  await driver.close();
  assert.match(await readFile(file(home, "effects.jsonl"), "utf8"), new RegExp(`nothing\n.*${state.generation}.*\n$`));
});
