import assert from "node:assert/strict";
import { test } from "node:test";
import { redactor } from "./redactor.ts";
import { parseSecrets } from "./secret-spec.ts";

test("parseSecrets: files and variables, one after another or in a list", () => {
  const expected = [
    { id: "npm", from: { kind: "file", path: "a b.txt" } },
    { id: "TOKEN", from: { kind: "variable", name: "TOKEN" } },
    { id: "x", from: { kind: "variable", name: "Y" } },
  ];
  assert.deepEqual(parseSecrets(["id=npm,src=a b.txt,id=TOKEN,id=x,env=Y"]), expected);
  assert.deepEqual(parseSecrets(["id=npm,type=file,src=a b.txt", "id=TOKEN", "id=x,env=Y"]), expected);
  assert.deepEqual(parseSecrets([]), []);
});

test("parseSecrets: what is none is refused, and not repeated", () => {
  for (const text of [
    "hunter2",
    "src=x",
    "id=../x,src=y",
    "id=a,id=a",
    "id=a,src=b,env=c",
    "id=a b",
    "id=a-b",
    "id=a,env=1",
    "id=a,foo=b",
  ]) {
    assert.throws(
      () => parseSecrets([text]),
      (error: Error & { code?: string }) => error.code === "config_invalid" && !error.message.includes("hunter2"),
      text,
    );
  }
});

test("redactor: the whole, its lines and their base64 are gone; what is too short to hide is left", () => {
  const redact = redactor(["first line\nsecond line\n", Buffer.from("s3cret!"), "ab"]);
  assert.equal(redact("x first line y second line z"), "x *** y *** z");
  assert.equal(redact("ab s3cret!"), "ab ***");
  assert.ok(!redact(`basic ${Buffer.from("s3cret!").toString("base64")}`).includes("czNjcmV0I"));
  assert.equal(redactor([])("text"), "text");
  assert.equal(redactor(["pass", "password"])("password"), "***");
});
