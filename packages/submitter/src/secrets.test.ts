import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { assertNoSecrets } from "./secrets.ts";

// In pieces, so that no scanner of this repository takes them for real ones.
const CREDENTIALS: readonly string[] = [
  ["-----BEGIN OPENSSH PRIVATE", " KEY-----\nb3Blbn"],
  ["AGE-SECRET", "-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"],
  ["SU", "A".repeat(56)],
  ["tpo", `_${"a".repeat(43)}`],
  ["AKIA", "ABCDEFGHIJKLMNOP"],
  ["ghp", `_${"a1".repeat(18)}`],
  ["glpat", "-abcdefghij0123456789"],
  ["xoxb", "-1234567890-abc"],
  ["sk_live", "_abcdefghij0123456789"],
  ["eyJhbGciOiJFZERTQSJ9", ".eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlLWJ5dGVz"],
  ["postgres://app", ":hunter2@db.internal/app"],
].map((parts) => parts.join(""));

describe("assertNoSecrets", () => {
  it("refuses every shape wherever it is, and tells the place but never the secret", () => {
    for (const secret of CREDENTIALS) {
      for (const args of [{ settings: { title: `x ${secret} y` } }, { list: [1, secret] }, { [secret]: true }]) {
        assert.throws(
          () => assertNoSecrets(args, "args"),
          (error: unknown) => {
            assert.ok(error instanceof TriplaneError && error.code === "secret_in_op", String(error));
            if (!Object.hasOwn(args, secret)) assert.ok(!JSON.stringify({ ...error, message: error.message }).includes(secret));
            return true;
          },
        );
      }
    }
  });

  it("lets through what ops hold every day", () => {
    const args = {
      component: "web",
      settings: { title: "SUPPORT: AKIA is a prefix", url: "https://user@example.org/a:b", n: 3, on: true, none: null },
      commit: "0123456789abcdef0123456789abcdef01234567",
      key: "did:key:z6MkrPSFnBLHHJNxg66Qm5XBCLQ9YGZqJsFk8q8LubPJNc2b",
      digest: `sha256:${"0".repeat(64)}`,
    };
    assert.doesNotThrow(() => assertNoSecrets(args, "args"));
    assert.doesNotThrow(() => assertNoSecrets(undefined, "reason"));
  });
});
