// Request ids on a real file system.
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import { rejects, tempDir } from "@triplane/testkit";
import { Outbox } from "./outbox.ts";
import { Requests } from "./requests.ts";

const WISH = { op: "component.restart", target: "web", args: {} };
const requestsIn = (folder: string): Requests => new Requests({ folder, clock: systemClock, random: systemRandom });

describe("Requests.claim", () => {
  it("gives a request the same jti whenever and by whomever it is asked for, at once too (applied-once)", async () => {
    await using folder = await tempDir();
    const asked = await Promise.all(Array.from({ length: 8 }, () => requestsIn(folder.path).claim("r-1", WISH)));
    assert.equal(new Set(asked).size, 1);
    assert.notEqual(await requestsIn(folder.path).claim("r-2", WISH), asked[0]);
    assert.deepEqual(
      await requestsIn(folder.path).byJti(),
      new Map([
        [asked[0], "r-1"],
        [await requestsIn(folder.path).claim("r-2", WISH), "r-2"],
      ]),
    );
  });

  it("refuses a request id that stands for another wish", async () => {
    await using folder = await tempDir();
    await requestsIn(folder.path).claim("r-1", WISH);
    await rejects(requestsIn(folder.path).claim("r-1", { ...WISH, target: "kv" }), "request_reused");
  });

  it("takes ids that no file could be called, and leaves the folder", async () => {
    await using folder = await tempDir();
    for (const id of ["../../etc/passwd", "a/b", "\u0000", "x".repeat(500)]) await requestsIn(folder.path).claim(id, WISH);
    assert.deepEqual(await readdir(folder.path), ["requests"]);
    assert.equal((await readdir(join(folder.path, "requests"))).length, 4);
  });

  it("refuses a file that is not what was written", async () => {
    await using folder = await tempDir();
    await requestsIn(folder.path).claim("r-1", WISH);
    const [name = ""] = await readdir(join(folder.path, "requests"));
    await writeFile(join(folder.path, "requests", name), "{}");
    await rejects(requestsIn(folder.path).claim("r-1", WISH), "outbox_damaged");
  });
});

describe("Outbox.prepare", () => {
  it("signs an op under the jti that a request was given before", async () => {
    await using folder = await tempDir();
    const jti = await requestsIn(folder.path).claim("r-1", WISH);
    const outbox = new Outbox({
      folder: folder.path,
      audience: "w1/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5",
      clock: systemClock,
      random: systemRandom,
    });
    const op = await outbox.prepare({ ...WISH, scope: "apps", expected_state_version: 1, expiresInS: 60, jti }, generateSigningKey());
    assert.equal(op.claims.jti, jti);
    assert.equal((await outbox.find(jti))?.digest, op.digest);
  });
});
