import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { eventually } from "@triplane/testkit";
import { prove } from "./embedded/durability.ts";
import { takeLock } from "./embedded/lock.ts";
import { openStore } from "./index.ts";
import { failsWith } from "./testing/store-contract.ts";
import { WRITER_MIGRATIONS } from "./testing/writer-schema.ts";

const WRITER = fileURLToPath(new URL("./testing/writer.ts", import.meta.url));

let folder: string;
/** Of the writers. */
let cache: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-store-"));
  cache = join(folder, "cache");
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

interface Writer {
  readonly child: ChildProcess;
  lines(): readonly string[];
  /** Resolves when so many lines were printed, or with the process. */
  printed(count: number): Promise<void>;
  /** SIGKILL, and gone when this resolves. */
  kill(): Promise<void>;
}

function startWriter(path: string, ...args: readonly string[]): Writer {
  const child = spawn(process.execPath, [WRITER, path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], XDG_CACHE_HOME: cache },
  });
  const gone = once(child, "close");
  let out = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
    for (const wake of waiting) wake();
  });
  const lines = (): readonly string[] => out.split("\n").slice(0, -1);
  return {
    child,
    lines,
    printed: async (count) => {
      const enough = new Promise<void>((resolve) => {
        const check = (): void => {
          if (lines().length >= count) resolve();
        };
        waiting.add(check);
        check();
      });
      await Promise.race([enough, gone]);
      assert.ok(lines().length >= count, "the writer ended early");
    },
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function report(path: string): Promise<{ readonly firsts: readonly number[]; readonly seconds: readonly number[] }> {
  const reader = startWriter(path, "report");
  await reader.printed(2);
  await once(reader.child, "close");
  return JSON.parse(reader.lines()[1] ?? "");
}

describe("openStore: a process that is killed", () => {
  it("pitfall 9: keeps everything that it confirmed, and no half of a commit (persist-before-ack)", async () => {
    const path = join(folder, "killed");
    let next = 0;
    for (let round = 0; round < 2; round += 1) {
      const writer = startWriter(path, "write", String(next));
      await writer.printed(30 + round * 17);
      await writer.kill();
      const confirmed = Number(writer.lines().at(-1));
      const { firsts, seconds } = await report(path);
      assert.deepEqual(firsts, seconds);
      assert.deepEqual(
        firsts,
        firsts.map((_, index) => index),
      );
      assert.ok(firsts.length > confirmed, `${confirmed} was confirmed, ${firsts.length} rows are there`);
      // The one in flight may be there or not; nothing beyond it can be.
      assert.ok(firsts.length <= confirmed + 2);
      next = firsts.length;
    }
  });
});

describe("openStore: lock", () => {
  it("refuses a store that another process has open, naming it, and takes it over when that process was killed", async () => {
    const path = join(folder, "locked");
    const holder = startWriter(path, "hold");
    await holder.printed(1);
    const opening = openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS });
    await assert.rejects(opening, (error) => failsWith("store_locked")(error) && String(error).includes(String(holder.child.pid)));

    // The engine's own lock is the last word, also when ours is gone.
    const lock = await readFile(`${path}.lock`, "utf8");
    await rm(`${path}.lock`);
    await assert.rejects(openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS }), failsWith("store_locked"));
    await writeFile(`${path}.lock`, lock);

    await holder.kill();
    const store = await openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS });
    await assert.rejects(openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS }), failsWith("store_locked"));
    await store.close();
    await assert.rejects(openStore({ url: `rocksdb://${path}`, migrations: WRITER_MIGRATIONS }), failsWith("store_locked"));
  });

  it("takeLock: names the holder, and is free again once it is released", async () => {
    const path = join(folder, "named.lock");
    const lock = await takeLock(path);
    await assert.rejects(takeLock(path), (error) => failsWith("store_locked")(error) && String(error).includes(String(process.pid)));
    await lock.release();
    await (await takeLock(path)).release();
  });

  it("takeLock: is held until it is released or the process ends, also when nobody refers to it any more", async () => {
    const path = join(folder, "forgotten.lock");
    await takeLock(path);
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    assert.ok(typeof collect === "function");
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    await assert.rejects(takeLock(path), failsWith("store_locked"));
  });

  it("takeLock: a file that is no lock is not taken for one", async () => {
    const path = join(folder, "rubbish.lock");
    await writeFile(path, "x".repeat(4096));
    await assert.rejects(takeLock(path), failsWith("unavailable"));
  });

  it("takeLock: of many at once one gets it", async () => {
    const path = join(folder, "contended.lock");
    const taken = await Promise.allSettled(Array.from({ length: 10 }, () => takeLock(path)));
    assert.equal(taken.filter(({ status }) => status === "fulfilled").length, 1);
  });
});

describe("openStore: refusals", () => {
  it("pitfall 9: engines that lose data", async () => {
    for (const url of ["mem://", `surrealkv://${folder}/kv`, `rocksdb://${folder}/x?sync=never`])
      await assert.rejects(openStore({ url, migrations: [] }), failsWith("store_engine_refused"));
  });

  it("a store that a newer program wrote", async () => {
    const path = join(folder, "newer");
    const writer = startWriter(path, "hold");
    await writer.printed(1);
    await writer.kill();
    await assert.rejects(openStore({ url: `rocksdb://${path}`, migrations: [] }), failsWith("store_schema_newer"));
  });

  it("a store that does not open in time", async () => {
    await assert.rejects(openStore({ url: `rocksdb://${folder}/slow`, migrations: [], openTimeoutMs: 1 }), failsWith("store_open_timeout"));
  });

  it("a damaged store: refused at once instead of never", async () => {
    const path = join(folder, "damaged");
    await mkdir(path);
    await writeFile(join(path, "CURRENT"), "MANIFEST-000001\n");
    await assert.rejects(openStore({ url: `rocksdb://${path}`, migrations: [] }), failsWith("unavailable"));
  });

  it("a server that never answers, one that is not there, and one without credentials", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const server = { namespace: "triplane", database: "test", username: "u", password: "p" };
    const url = `ws://127.0.0.1:${port}`;
    await assert.rejects(openStore({ url, migrations: [], server, openTimeoutMs: 200 }), failsWith("store_open_timeout"));
    for (const socket of sockets) socket.destroy();
    silent.close();
    await assert.rejects(openStore({ url, migrations: [], server, openTimeoutMs: 5000 }), failsWith("unavailable"));
    await assert.rejects(openStore({ url, migrations: [] }), failsWith("config_invalid"));
  });
});

describe("list, pages and highest: a record that cannot be read", () => {
  it("is told, where the engine ends its scan and says nothing: all that is there, or an error", async () => {
    const whole = join(folder, "whole");
    const writer = startWriter(whole);
    await writer.printed(150);
    await writer.kill();
    // Opening it moves what the log has into the engine's files of records.
    const reads = async (path: string): Promise<Readonly<Record<string, number | "told">> | undefined> => {
      const child = spawn(process.execPath, [WRITER, path, "reads"], { stdio: ["ignore", "pipe", "ignore"] });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      const [code] = await once(child, "close");
      return code === 0 ? JSON.parse(out.trim().split("\n").at(-1) ?? "") : undefined;
    };
    const all = await reads(whole);
    const rows = Number(all?.["listed"]);
    assert.ok(rows >= 149);
    assert.deepEqual(all, { listed: rows, paged: rows, highest: rows });
    let told = 0;
    for (const part of [0.3, 0.5, 0.7]) {
      const path = join(folder, `turned-${part}`);
      await cp(whole, path, { recursive: true });
      const [largest = ""] = await bySize(path);
      const bytes = await readFile(join(path, largest));
      const at = Math.floor(bytes.length * part);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      await writeFile(join(path, largest), bytes);
      const after = await reads(path);
      for (const [read, found] of Object.entries(after ?? { open: "told" })) {
        if (found === "told") told += 1;
        else assert.equal(found, rows, `${read}, ${largest} at ${at}`);
      }
    }
    assert.ok(told > 0, "nothing that was turned mattered");
  });
});

/** Files of records, the largest first. */
async function bySize(path: string): Promise<readonly string[]> {
  const names = (await readdir(path)).filter((name) => /\.(?:sst|blob)$/.test(name));
  const sized = await Promise.all(names.map(async (name) => ({ name, size: (await stat(join(path, name))).size })));
  return sized.sort((a, b) => b.size - a.size).map(({ name }) => name);
}

describe("prove: durability", () => {
  const programs: Readonly<Record<string, string>> = {
    "confirms what it did not keep": `console.log(process.argv[2] === "write" ? process.argv[4] : ""); setInterval(() => {}, 1000);`,
    "fails to write": `console.error("IO error: read-only file system"); process.exit(1);`,
  };
  for (const [what, source] of Object.entries(programs))
    it(`an engine that ${what} is refused, and nothing is left behind`, async () => {
      const place = await mkdtemp(join(folder, "proof-"));
      const program = join(folder, `${what.replaceAll(" ", "-")}.mjs`);
      await writeFile(program, source);
      await assert.rejects(prove(place, program), failsWith("store_not_durable"));
      assert.deepEqual(await readdir(place), []);
    });

  it("what a proof left that lost its power goes with the next proof; a young one may still run", async () => {
    const place = await mkdtemp(join(folder, "proof-"));
    for (const name of [".durability-old", ".durability-young"]) await mkdir(join(place, name));
    await utimes(join(place, ".durability-old"), 1, 1);
    const program = join(folder, "keeps-it.mjs");
    await writeFile(program, "console.log(process.argv[4]); setInterval(() => {}, 1000);");
    await prove(place, program);
    assert.deepEqual(await readdir(place), [".durability-young"]);
  });

  it("a process that is killed in the middle of its proof leaves no probe and no scratch store behind", async () => {
    const place = await mkdtemp(join(folder, "proof-"));
    await rm(cache, { recursive: true, force: true });
    const scratch = async (): Promise<readonly string[]> => (await readdir(place)).filter((name) => name.startsWith(".durability-"));
    const writer = startWriter(join(place, "store"));
    const started = { timeoutMs: 30_000, intervalMs: 5, what: "the engine of the probe" };
    await eventually(async () => (await readdir(join(place, (await scratch())[0] ?? "none"))).length > 0, started);
    await writer.kill();
    await eventually(async () => (await scratch()).length === 0, { timeoutMs: 30_000, what: "the end of the probe" });
  });

  it("is made by the first process that opens a store, and remembered by the next ones", async () => {
    await rm(cache, { recursive: true, force: true });
    const proves = async (): Promise<boolean> => {
      const place = await mkdtemp(join(folder, "proof-"));
      const made: (string | null)[] = [];
      const watcher = watch(place, (_, name) => made.push(name));
      const writer = startWriter(join(place, "store"), "hold");
      await writer.printed(1);
      await writer.kill();
      watcher.close();
      assert.deepEqual(writer.lines(), ["open"]);
      return made.some((name) => name?.startsWith(".durability-"));
    };
    assert.deepEqual([await proves(), await proves()], [true, process.platform !== "linux"]);
    await rm(cache, { recursive: true });
    assert.equal(await proves(), true);
  });
});
