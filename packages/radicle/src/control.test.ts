// The control socket against a server that answers as a node does, and against one that is broken.
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@triplane/testkit";
import { addToInventory, announceRefs, nodeId, seedRepository } from "./announce.ts";
import { askNode } from "./control.ts";
import { eventOf, watchNode } from "./events.ts";

const NID = "z6MknSLrJoTcukLrE435hVNQT4JUhbvWLX4kUzqkEStBU8Vi";
const RID = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji";

/** Answers each connection's first line with `answer`. */
async function fakeNode(answer: (command: string, socket: Socket) => void) {
  const folder = await tempDir("node");
  const path = join(folder.path, "control.sock");
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.setEncoding("utf8").once("data", (text: string) => {
      asked.push(text);
      answer(text.trimEnd(), socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("announceRefs, seedRepository, addToInventory, nodeId: one line each, as the node reads it", async () => {
  await using node = await fakeNode((command, socket) => socket.end(command.includes("nodeId") ? `"${NID}"\n` : '{"updated":true}\n'));
  await announceRefs(node.path, RID, [NID]);
  await seedRepository(node.path, RID);
  await addToInventory(node.path, RID);
  assert.equal(await nodeId(node.path), NID);
  assert.deepEqual(
    node.asked.map((line) => JSON.parse(line)),
    [
      { command: "announceRefsFor", rid: RID, namespaces: [NID] },
      { command: "seed", rid: RID, scope: "all" },
      { command: "addInventory", rid: RID },
      { command: "nodeId" },
    ],
  );
});

test("askNode: an answer in pieces is one answer", async () => {
  await using node = await fakeNode((_command, socket) => {
    socket.write('{"upda');
    setTimeout(() => socket.end('ted":true}\n{"more":1}\n'), 10);
  });
  assert.deepEqual(await askNode(node.path, { command: "status" }), { updated: true });
});

test("askNode: an error of the node is radicle_refused, with what it said", async () => {
  await using node = await fakeNode((_command, socket) => socket.end(`{"error":"repository ${RID} not found"}\n`));
  await assert.rejects(announceRefs(node.path, RID, [NID]), { code: "radicle_refused", message: /repository rad:z42\S+ not found/ });
});

test("askNode: what is no answer is a failure, not a hang", async () => {
  for (const [answer, code] of [
    ["no json\n", "radicle_refused"],
    ["", "unavailable"],
    ['{"half', "unavailable"],
  ] as const) {
    await using node = await fakeNode((_command, socket) => socket.end(answer));
    await assert.rejects(askNode(node.path, { command: "status" }), { code });
  }
  await using silent = await fakeNode(() => {});
  await assert.rejects(askNode(silent.path, { command: "status" }, { deadlineMs: 50 }), { code: "unavailable" });
  await using endless = await fakeNode((_command, socket) => void socket.write("x".repeat(5 * 1024 * 1024)));
  await assert.rejects(askNode(endless.path, { command: "status" }), { code: "unavailable", message: /longer than/ });
});

test("askNode: without a node it is unavailable; a path that no socket can have is said", async () => {
  await assert.rejects(askNode("/nonexistent/control.sock", { command: "status" }), { code: "unavailable" });
  await assert.rejects(askNode(`/${"x".repeat(120)}`, { command: "status" }), { code: "config_invalid" });
});

test("watchNode: yields the events that it knows until the signal", async () => {
  const refs = [{ remote: NID, at: "a".repeat(40) }];
  const told = { type: "refsAnnounced", nid: NID, rid: RID, refs, timestamp: 1 };
  await using node = await fakeNode((_command, socket) => void socket.write(`{"type":"new"}\n[]\n${JSON.stringify(told)}\n`));
  const stopping = new AbortController();
  const seen = [];
  for await (const event of watchNode(node.path, stopping.signal)) {
    seen.push(event);
    stopping.abort();
  }
  assert.deepEqual(seen, [{ type: "refsAnnounced", nid: NID, rid: RID, refs }]);
});

test("eventOf: drops what has another shape", () => {
  assert.equal(eventOf({ type: "refsAnnounced", nid: NID, rid: RID }), undefined);
  assert.deepEqual(eventOf({ type: "refsAnnounced", nid: NID, rid: RID, refs: [null, 1, { remote: NID }] }), {
    type: "refsAnnounced",
    nid: NID,
    rid: RID,
    refs: [],
  });
  assert.deepEqual(eventOf({ type: "refsFetched", remote: NID, rid: RID, updated: [] }), { type: "refsFetched", nid: NID, rid: RID });
  assert.deepEqual(eventOf({ type: "peerConnected", nid: NID }), { type: "peerConnected", nid: NID });
  assert.equal(eventOf(null), undefined);
});
