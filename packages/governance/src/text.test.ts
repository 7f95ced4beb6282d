import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { differenceOf } from "./difference.ts";
import { assertAddress } from "./remote.ts";

test("differenceOf: applying what it says to the old text gives the new one", () => {
  const line = fc.constantFrom("a", "b", "c", "d {", "}");
  const text = fc.array(line, { maxLength: 30 }).map((lines) => lines.map((each) => `${each}\n`).join(""));
  fc.assert(
    fc.property(text, text, (old, now) => {
      const [difference] = differenceOf(new Map([["f", old]]), new Map([["f", now]]));
      if (difference === undefined) return old === now;
      const count = (value: string) => value.split("\n").length - 1;
      return count(old) + difference.added - difference.removed === count(now) && rebuilt(old, difference.lines) === now;
    }),
  );
});

/** The old text with each place of the difference put into it. */
function rebuilt(old: string, difference: readonly string[]): string {
  const lines = old === "" ? [] : old.slice(0, -1).split("\n");
  const result: string[] = [];
  let at = 0;
  for (const line of difference) {
    const place = /^@@ line (\d+) @@$/.exec(line)?.[1];
    if (place !== undefined) {
      result.push(...lines.slice(at, Number(place) - 1));
      at = Number(place) - 1;
    } else if (line.startsWith("+")) result.push(line.slice(1));
    else {
      assert.equal(lines[at], line.slice(1));
      if (line.startsWith(" ")) result.push(line.slice(1));
      at += 1;
    }
  }
  return [...result, ...lines.slice(at)].map((line) => `${line}\n`).join("");
}

test("differenceOf: files that come and go, and a missing line end, are told", () => {
  const found = differenceOf(
    new Map([
      ["gone", "x\n"],
      ["same", "y"],
    ]),
    new Map([
      ["new", "z\n"],
      ["same", "y\n"],
    ]),
  );
  assert.deepEqual(
    found.map(({ path, kind }) => [path, kind]),
    [
      ["gone", "removed"],
      ["new", "added"],
      ["same", "changed"],
    ],
  );
  assert.ok(found[2]?.lines.includes("-\\ no newline at the end"));
});

test("assertAddress: paths and https, ssh, file addresses; nothing that git or ssh could run", () => {
  for (const good of ["/srv/acme", "https://git.example/acme", "ssh://git@host:22/srv/acme", "file:///srv/acme", "git@host:srv/acme"])
    assert.equal(assertAddress(good), good);
  const bad = [
    "ext::sh -c id",
    "--upload-pack=id",
    "-oProxyCommand=id@host:x",
    "ssh://-oProxyCommand=id/x",
    "http://host/x",
    "git://host/x",
    "relative",
    "",
    "/a\nb",
    "git@-host:x",
  ];
  for (const address of bad) assert.throws(() => assertAddress(address), { code: "usage" }, address);
});
