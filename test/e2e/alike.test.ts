import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { firstBrokenPromise } from "./alike.ts";
import { stepsOf } from "./markdown-session.ts";

describe("firstBrokenPromise", () => {
  it("looks through ids, times, paths and paddings", () => {
    const promised = "name   ana did:key:z6MkrPSFnBLHHJNxg66Qm5XBCLQ9YGZqJsFk8q8LubPJNc2b\n…\nat 2026-11-22 20:37:15 UTC in /home/you/try";
    const printed =
      "other\nname  ana did:key:z6MktvWvuWHFJxft5HrM2rA9ybLeFMLFgZCMkfeB7yQk1w5Q\nmore\nat 2027-01-01 00:00:00 UTC in /tmp/x.y/z";
    assert.equal(firstBrokenPromise(promised, printed), undefined);
  });

  it("looks through what a rule with windows says on some days only", () => {
    const promised = "- deny freeze: the target web is not among billing*";
    assert.equal(firstBrokenPromise(promised, `${promised}; no window of the rule is open`), undefined);
  });

  it("names the line that was not printed, or not in that order", () => {
    assert.equal(firstBrokenPromise("outcome applied", "outcome refused"), "outcome applied");
    assert.equal(firstBrokenPromise("one\ntwo", "two\none"), "two");
  });
});

describe("stepsOf", () => {
  it("pairs each sh block with the text block after it, and leaves others alone", () => {
    const steps = stepsOf("```console\n$ no\n```\n```sh\na\n```\n```text\nA\n```\n```sh\nb\n```\n```sh\nc\n```\n```text\nC\n```\n");
    assert.deepEqual(
      steps.map((step) => [step.block.text, step.promised?.text]),
      [
        ["a", "A"],
        ["b", undefined],
        ["c", "C"],
      ],
    );
  });
});
