import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Claim, Claims, EVERYTHING } from "./claims.ts";

/** Whether a claim was granted by now; grants are made before any await goes on. */
async function granted(claim: Promise<Claim>): Promise<Claim | undefined> {
  return await Promise.race([claim, new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))]);
}

describe("Claims", () => {
  it("parts that are free are granted at once, a part that is taken when it is given back", async () => {
    const claims = new Claims();
    const first = await claims.claim(["a", "b"]);
    assert.ok(await granted(claims.claim(["c"])));
    const second = claims.claim(["b"]);
    assert.equal(await granted(second), undefined);
    first.release();
    assert.ok(await granted(second));
  });

  it("nothing is held while a claim waits for its other parts", async () => {
    const claims = new Claims();
    const first = await claims.claim(["a"]);
    const both = claims.claim(["a", "b"]);
    assert.equal(await granted(both), undefined);
    const other = await granted(claims.claim(["b"]));
    assert.ok(other);
    first.release();
    assert.equal(await granted(both), undefined);
    other.release();
    assert.ok(await granted(both));
  });

  it("everything: waits for all, and keeps all out", async () => {
    const claims = new Claims();
    const first = await claims.claim(["a"]);
    const everything = claims.claim([EVERYTHING]);
    assert.equal(await granted(everything), undefined);
    first.release();
    const held = await granted(everything);
    assert.ok(held);
    const late = claims.claim(["never named before"]);
    assert.equal(await granted(late), undefined);
    held.release();
    assert.ok(await granted(late));
  });
});
