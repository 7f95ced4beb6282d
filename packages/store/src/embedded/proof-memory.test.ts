import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { tempDir } from "@triplane/testkit";
import { type ProofMemory, proofMemory } from "./proof-memory.ts";

const BOOT = "00000000-0000-4000-8000-000000000001";
const ROOT = "29 1 254:0 / / rw,relatime - ext4 /dev/vda rw";

describe("proofMemory (no-fail-open, persist-before-ack)", () => {
  const place = async () => {
    const folder = await tempDir("proof-memory");
    const [bootId, mounts, store] = ["boot_id", "mountinfo", "store"].map((name) => join(folder.path, name)) as [string, string, string];
    await mkdir(store);
    const cache = join(folder.path, "cache");
    const memory = async (boot = BOOT, mountinfo = ROOT, engine = "3.0.3"): Promise<ProofMemory> => {
      await writeFile(bootId, `${boot}\n`);
      await writeFile(mounts, `${mountinfo}\n`);
      const found = await proofMemory(store, { engine, places: { bootId, mounts } }, { XDG_CACHE_HOME: cache });
      return found ?? assert.fail("nothing could be remembered");
    };
    return { store, cache: join(cache, "triplane", "durability"), memory, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  };

  it("holds what was kept, and nothing before", async () => {
    await using at = await place();
    assert.equal(await (await at.memory()).holds(), false);
    await (await at.memory()).keep();
    assert.equal(await (await at.memory()).holds(), true);
  });

  it("a machine that started anew, another engine, another mount or another option of it is proven anew", async () => {
    await using at = await place();
    await (await at.memory()).keep();
    const other = "00000000-0000-4000-8000-000000000002";
    const over = `${ROOT}\n40 29 254:1 / ${at.store.replaceAll(" ", "\\040")} rw - ext4 /dev/vdb rw`;
    for (const args of [
      [other],
      [BOOT, ROOT, "3.0.4"],
      [BOOT, ROOT.replace("rw,relatime", "rw")],
      [BOOT, `${ROOT},nobarrier`],
      [BOOT, over],
      [BOOT, `${ROOT}\n${ROOT.replace("29 1", "41 29")}`],
    ] as const)
      assert.equal(await (await at.memory(...args)).holds(), false, args.join(" "));
    const beside = `${ROOT}\n40 29 254:1 / ${at.store}-2 rw - ext4 /dev/vdb rw`;
    assert.equal(await (await at.memory(BOOT, beside)).holds(), true, "a mount elsewhere is not of it");
  });

  it("keeps the run of the kernel that there is, and no earlier one", async () => {
    await using at = await place();
    const next = "00000000-0000-4000-8000-000000000002";
    await (await at.memory()).keep();
    await (await at.memory(next)).keep();
    assert.deepEqual(await readdir(at.cache), [next]);
  });

  it("what others may write says nothing", async () => {
    await using at = await place();
    const memory = await at.memory();
    await memory.keep();
    await chmod(join(at.cache, BOOT), 0o770);
    assert.equal(await memory.holds(), false);
  });

  it("where the system does not tell its mounts, or nothing can be written, nothing is remembered", async () => {
    await using at = await place();
    const places = { bootId: join(at.store, "none"), mounts: join(at.store, "none") };
    assert.equal(await proofMemory(at.store, { engine: "3.0.3", places }), undefined);
    const file = join(at.store, "file");
    await writeFile(file, "");
    const memory = await proofMemory(at.store, { engine: "3.0.3" }, { XDG_CACHE_HOME: file });
    await memory?.keep();
    assert.notEqual(await memory?.holds(), true);
  });
});
