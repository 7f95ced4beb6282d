import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readMode } from "../modes/catalogue.ts";
import { type Mode, modeSchema } from "../modes/schema.ts";
import { layOut } from "./layout.ts";
import type { Line } from "./lines.ts";
import { drawSvg } from "./svg.ts";
import { drawText } from "./terminal.ts";

const ROOT = resolve(import.meta.dirname, "../../../../provisioning");
const reference = () => readMode(join("reflection/modes", "ops-radicle-build-info.ncl"), { root: ROOT });

const edge = (step: string, kind: string) => ({ step, kind });
const KINDS: Mode = modeSchema.parse({
  ...{ id: "kinds", trigger: "t" },
  steps: [
    { id: "build", action: 'a <b> & "c"\u0001', actor: "Ci", cmd: "true", on_error: { strategy: "Fallback", step: "rescue" } },
    { id: "test", action: "a", actor: "Ci", cmd: "true", depends_on: [edge("build", "OnSuccess")] },
    { id: "rescue", action: "a", actor: "Human" },
    { id: "undo", action: "a", actor: "Agent", cmd: "true", depends_on: [edge("build", "OnFailure")] },
    { id: "clean", action: "a", actor: "Any", cmd: "true", depends_on: [edge("test", "Always"), edge("undo", "Always")] },
  ],
});

describe("drawSvg", () => {
  it("shows every step and line of the reference mode, with a legend of what occurs", async () => {
    const mode = await reference();
    const svg = drawSvg(mode);
    for (const { id } of mode.steps) assert.ok(svg.includes(`>${id}</text>`), id);
    assert.equal(svg.match(/<path class="line Always"/g)?.length, 5 + 1);
    assert.ok(svg.includes("prefers-color-scheme:dark"));
    assert.ok(!svg.includes("line OnFailure"));
  });

  it("tells kinds of lines apart, and lets no text of a mode become markup", () => {
    const svg = drawSvg(KINDS);
    for (const kind of ["Always", "OnSuccess", "OnFailure", "Fallback"]) assert.ok(svg.includes(`<path class="line ${kind}"`), kind);
    assert.ok(svg.includes("a &lt;b&gt; &amp; &quot;c&quot;\ufffd"));
    assert.ok(svg.includes(">by hand</text>"));
  });
});

describe("drawText", () => {
  it("draws rails from each step to those that come after it", () => {
    assert.equal(
      drawText(KINDS),
      [
        "●      build   ci",
        "├─●    test    ci     after build ✔",
        "├─┼─●  rescue  human  after build in place of it",
        "● │    undo    agent  after build ✘",
        "●─╯    clean   any    after test, undo",
      ].join("\n"),
    );
  });
});

const graphs = fc.integer({ min: 1, max: 25 }).chain((count) =>
  fc.tuple(
    fc.constant(count),
    fc
      .array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 40 })
      .map((pairs) => pairs.filter(([from, to]) => from < to).map(([from, to]): Line => ({ from, to, kind: "Always" }))),
  ),
);

describe("layOut", () => {
  it("puts each step to the right of what it waits for, and no two on one another", () => {
    fc.assert(
      fc.property(graphs, ([count, lines]) => {
        const boxes = Array.from({ length: count }, (_, index) => ({ width: 60 + (index % 5) * 20, height: 40 }));
        const { places, ways, width, height } = layOut(boxes, lines, { columnGap: 50, rowGap: 10 });
        for (const [index, { from, to }] of lines.entries()) {
          const right = (places[from]?.x ?? 0) + (boxes[from]?.width ?? 0);
          assert.ok(right <= (places[to]?.x ?? 0));
          assert.equal(ways[index]?.[0]?.x, right);
          assert.equal(ways[index]?.at(-1)?.x, places[to]?.x);
        }
        for (const [a, one] of places.entries()) {
          assert.ok(one.x >= 0 && one.y >= -1e-6 && one.x + (boxes[a]?.width ?? 0) <= width && one.y + 40 <= height + 1e-6);
          for (const [b, other] of places.entries()) {
            if (a >= b) continue;
            const apart =
              Math.abs(one.y - other.y) >= 40 - 1e-6 ||
              one.x + (boxes[a]?.width ?? 0) <= other.x ||
              other.x + (boxes[b]?.width ?? 0) <= one.x;
            assert.ok(apart, `${a} lies on ${b}`);
          }
        }
      }),
    );
  });
});
