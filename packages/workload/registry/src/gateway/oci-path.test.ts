import assert from "node:assert/strict";
import { test } from "node:test";
import { readOciRequest } from "./oci-path.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const read = (method: string, path: string, query = "") => readOciRequest(method, path, new URLSearchParams(query));

test("readOciRequest: each request of the specification needs its right", () => {
  const cases: readonly [string, string, string, string][] = [
    ["GET", "/v2/images/a/b/tags/list", "pull", "pull"],
    ["GET", "/v2/images/a/manifests/latest", "pull", "pull"],
    ["HEAD", `/v2/images/a/manifests/${DIGEST}`, "pull", "pull"],
    ["PUT", "/v2/images/a/manifests/v1.0_x", "push", "pull push"],
    ["DELETE", "/v2/images/a/manifests/v1", "delete", "delete"],
    ["GET", `/v2/cache/a/blobs/${DIGEST}`, "pull", "pull"],
    ["DELETE", `/v2/cache/a/blobs/${DIGEST}`, "delete", "delete"],
    ["POST", "/v2/golden/a/blobs/uploads/", "push", "pull push"],
    ["PATCH", "/v2/golden/a/blobs/uploads/0b1c-2d", "push", "pull push"],
    // Who may push may ask for and give up an upload of theirs; zot judges these by the method.
    ["GET", "/v2/golden/a/blobs/uploads/0b1c-2d", "push", "pull"],
    ["DELETE", "/v2/golden/a/blobs/uploads/0b1c-2d", "push", "delete"],
    ["GET", `/v2/images/a/referrers/${DIGEST}`, "pull", "pull"],
  ];
  for (const [method, path, action, forZot] of cases) {
    const asked = read(method, path);
    assert.ok(asked.kind === "repository", path);
    assert.deepEqual(
      [asked.needs.map((need) => need.action), asked.behind],
      [[action], [{ type: "repository", name: asked.repository, actions: forZot.split(" ") }]],
      path,
    );
    assert.equal(asked.needs[0]?.repository, asked.repository);
  }
  assert.equal(read("GET", "/v2/").kind, "base");
});

test("readOciRequest: a mount needs the right to read where it comes from, as often as that is said", () => {
  const asked = read("POST", "/v2/images/a/blobs/uploads/", `mount=${DIGEST}&from=images/b&from=cache/c`);
  assert.ok(asked.kind === "repository");
  assert.deepEqual(asked.needs.slice(1), [
    { repository: "images/b", action: "pull" },
    { repository: "cache/c", action: "pull" },
  ]);
  assert.deepEqual(
    asked.behind.map(({ name, actions }) => `${name} ${actions}`),
    ["images/a pull,push", "images/b pull", "cache/c pull"],
  );
  for (const from of ["crates/serde", "elsewhere/a", "", "images/../golden/a"]) {
    assert.equal(read("POST", "/v2/images/a/blobs/uploads/", `mount=${DIGEST}&from=${from}`).kind, "unknown", from);
  }
});

test("readOciRequest: what is not written exactly so is unknown", () => {
  const paths = [
    "/v2/_catalog",
    "/v2/_zot/ext/mgmt",
    "/v2/images/a/manifests/",
    "/v2/images/a/manifests/..",
    "/v2/images/a/manifests/a%2fb",
    "/v2/images/a/../b/tags/list",
    "/v2/images//a/tags/list",
    "/v2/images/a/./tags/list",
    "/v2/images/A/tags/list",
    "/v2/images/a\\b/tags/list",
    "/v2/crates/serde/tags/list",
    "/v2/images/a/blobs/sha256:short",
    `/v2/images/a/blobs/${DIGEST}/`,
    "/v2/images/a/blobs/uploads/a/b",
    "/v2/images/tags/list",
    "/v2x",
    "//v2/images/a/tags/list",
  ];
  for (const path of paths) assert.equal(read("GET", path).kind, "unknown", path);
  for (const method of ["TRACE", "CONNECT", "OPTIONS", "__proto__", "constructor", "POST"]) {
    assert.equal(read(method, "/v2/images/a/tags/list").kind, "unknown", method);
  }
});
