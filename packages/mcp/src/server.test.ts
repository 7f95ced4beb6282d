// The server with the official SDK's client on the other end of a pair of pipes in memory.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { eventually } from "@triplane/testkit";
import { ERROR_META } from "./answers.ts";
import type { Desk } from "./ports.ts";
import { agentServer } from "./server.ts";
import { serveStdio } from "./stdio.ts";
import { JTI, opNamed, testDesk } from "./testing/desk.ts";

async function connected(desk: Desk): Promise<Client> {
  const [here, there] = InMemoryTransport.createLinkedPair();
  await agentServer({ desk, log: () => undefined }).protocol.connect(there);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(here);
  return client;
}

/** What a tool answered: its data, or its failure. */
async function call(client: Client, name: string, args: Record<string, unknown> = {}) {
  const { structuredContent, isError, content } = await client.callTool({ name, arguments: args });
  const [text] = content as { text: string }[];
  const data = (isError === true ? JSON.parse(text?.text ?? "{}") : structuredContent) as Record<string, unknown>;
  return { data, isError: isError === true };
}

async function codeOf(client: Client, name: string, args: Record<string, unknown>): Promise<unknown> {
  const { data, isError } = await call(client, name, args);
  assert.ok(isError, `${name} was not refused: ${JSON.stringify(data)}`);
  const { code, message, hint } = data["error"] as Record<string, string>;
  assert.ok((message ?? "") !== "" && (hint ?? "") !== "", "a failure says what and what to do");
  return code;
}

const WISH = { kind: "component.restart", target: "web", reason: "latency" };

describe("agentServer: tools", () => {
  it("lists each with title, description, hints, and schemas that take nothing else", async () => {
    const { tools } = await (await connected(testDesk())).listTools();
    assert.ok(tools.length >= 15);
    for (const tool of tools) {
      assert.ok((tool.title ?? "") !== "" && (tool.description ?? "").length > 10, tool.name);
      assert.equal(tool.inputSchema["additionalProperties"], false, tool.name);
      assert.equal(tool.outputSchema?.type, "object", tool.name);
      assert.equal(typeof tool.annotations?.readOnlyHint, "boolean", tool.name);
    }
    const changing = tools.filter((tool) => tool.annotations?.readOnlyHint === false).map(({ name }) => name);
    assert.deepEqual(changing.sort(), ["cancel_run", "report_step", "start_run", "submit_op"]);
    assert.ok(!tools.some(({ name }) => /approve|admit|reject|exec/.test(name)), "an agent can neither approve nor run commands here");
  });

  it("gives what the output schema says, to a client that checks it", async () => {
    const client = await connected(testDesk());
    await client.listTools(); // from here on the client checks every answer
    for (const [name, args] of Object.entries({
      show_grant: {},
      list_targets: {},
      list_modes: {},
      read_mode: { mode: "look-around" },
      list_runs: {},
      show_run: { run: "run-1" },
      list_validations: {},
      run_validation: { validation: "validate-ops-contract" },
      why: { name: "applied-once" },
      op_status: { jti: JTI },
      list_ops: { limit: 1 },
      op_receipt: { jti: JTI },
    })) {
      const { isError, data } = await call(client, name, args);
      assert.equal(isError, false, `${name}: ${JSON.stringify(data)}`);
    }
  });

  it("submit_op: pending_approval is a normal answer, and what was asked for reaches the desk with its request id", async () => {
    const desk = testDesk();
    const { data, isError } = await call(await connected(desk), "submit_op", { requestId: "r-1", ...WISH });
    assert.equal(isError, false);
    assert.equal(data["state"], "pending_approval");
    assert.deepEqual(desk.asked, [["submit", "r-1", "component.restart", "web", 600]]);
  });

  it("acts as an agent only, whatever the arguments say", async () => {
    const desk = testDesk();
    const client = await connected(desk);
    await call(client, "start_run", { mode: "look-around", task: "t" });
    await call(client, "report_step", { mode: "look-around", step: "look", status: "pass" });
    assert.equal(await codeOf(client, "start_run", { mode: "look-around", task: "t", actor: "Human" }), "tool_input_invalid");
    assert.equal(await codeOf(client, "cancel_run", { run: "run-of-ana" }), "forbidden");
    await call(client, "cancel_run", { run: "run-1" });
    assert.deepEqual(desk.asked, [
      ["start", "look-around", "Agent", "t"],
      ["report", "look-around", "look", "pass", "Agent"],
      ["cancel", "run-1"],
    ]);
  });

  const garbage: Record<string, Record<string, unknown>> = {
    "no arguments": {},
    "a kind that is none": { requestId: "r", ...WISH, kind: "rm -rf /" },
    "a target with a path": { requestId: "r", ...WISH, target: "../../etc" },
    "an endless reason": { requestId: "r", ...WISH, reason: "x".repeat(1001) },
    "a request id with a line end": { requestId: "r\n", ...WISH },
    "arguments that are a list": { requestId: "r", ...WISH, args: [] },
    "a wait without end": { requestId: "r", ...WISH, waitS: 1e9 },
    "a member too many": { requestId: "r", ...WISH, approve: true },
  };
  for (const [what, args] of Object.entries(garbage))
    it(`submit_op refuses ${what}, naming it, and asks the desk nothing`, async () => {
      const desk = testDesk();
      assert.equal(await codeOf(await connected(desk), "submit_op", args), "tool_input_invalid");
      assert.deepEqual(desk.asked, []);
    });

  it("answers a failure with code, message and hint, and a defect without its message", async () => {
    const client = await connected(testDesk());
    assert.equal(await codeOf(client, "plan_op", WISH), "target_unknown");
    const broken = testDesk({ grant: () => Promise.reject(new Error("secret in /home/x")) });
    const { data } = await call(await connected(broken), "show_grant");
    assert.doesNotMatch(JSON.stringify(data), /secret|home/);
    assert.match(JSON.stringify(data), /"internal"/);
  });

  it("a failure is one to a client that holds answers against the schema", async () => {
    const client = await connected(testDesk());
    await client.listTools();
    assert.equal(await codeOf(client, "plan_op", WISH), "target_unknown");
    const { _meta } = await client.callTool({ name: "plan_op", arguments: WISH });
    assert.equal((_meta?.[ERROR_META] as { code: string } | undefined)?.code, "target_unknown");
  });

  it("an unknown tool is a failure of the protocol", async () => {
    await assert.rejects((await connected(testDesk())).callTool({ name: "approve_op", arguments: {} }), /there is no tool/);
  });

  it("works on so many calls at once and refuses more, and goes on when they ended", async () => {
    const gate = Promise.withResolvers<void>();
    const { ops } = testDesk();
    const slow = testDesk({ ops: { ...ops, status: async (jti) => gate.promise.then(() => opNamed("r", { jti })) } });
    const client = await connected(slow);
    const held = Array.from({ length: 16 }, () => call(client, "op_status", { jti: JTI }));
    assert.equal(await codeOf(client, "op_status", { jti: JTI }), "too_many_calls");
    gate.resolve();
    for (const each of await Promise.all(held)) assert.equal(each.isError, false);
    assert.equal((await call(client, "op_status", { jti: JTI })).isError, false);
  });

  it("tells a client that asks for it what happens meanwhile", async () => {
    const told: (string | undefined)[] = [];
    const { ops } = testDesk();
    const desk = testDesk({
      ops: {
        ...ops,
        submit: async (requestId, _, wait) => {
          wait.onState("sent");
          wait.onState("pending_approval");
          return opNamed(requestId);
        },
      },
    });
    const client = await connected(desk);
    const params = { name: "submit_op", arguments: { requestId: "r", ...WISH } };
    await client.callTool(params, undefined, { onprogress: ({ message }) => void told.push(message) });
    assert.deepEqual(told, ["sent", "pending_approval"]);
  });

  it("a call that its client cancels ends its wait", async () => {
    const ended = Promise.withResolvers<void>();
    const { ops } = testDesk();
    const desk = testDesk({
      ops: {
        ...ops,
        status: (_, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener("abort", () => {
              ended.resolve();
              resolve(opNamed("r"));
            });
          }),
      },
    });
    const client = await connected(desk);
    const cancelled = new AbortController();
    const asking = client.callTool({ name: "op_status", arguments: { jti: JTI, waitS: 300 } }, undefined, { signal: cancelled.signal });
    setImmediate(() => cancelled.abort());
    await assert.rejects(asking);
    await ended.promise;
  });
});

describe("agentServer: resources", () => {
  it("lists the architecture, and reads every resource that it lists", async () => {
    const client = await connected(testDesk());
    const { resources } = await client.listResources();
    const uris = resources.map(({ uri }) => uri);
    for (const uri of [
      "triplane://ontology",
      "triplane://ontology/keeper",
      "triplane://invariants/applied-once",
      "triplane://policy",
      "triplane://docs/op-kinds",
    ])
      assert.ok(uris.includes(uri), uri);
    for (const uri of uris.filter((each) => !each.startsWith("triplane://invariants/"))) {
      const { contents } = await client.readResource({ uri });
      assert.equal(contents[0]?.uri, uri);
    }
    assert.ok((await client.listResourceTemplates()).resourceTemplates.some(({ uriTemplate }) => uriTemplate === "triplane://adrs/{id}"));
  });

  for (const uri of [
    "triplane://docs/../../../etc/passwd",
    "triplane://docs/%2e%2e",
    "file:///etc/passwd",
    "triplane://nothing",
    "triplane://policy/x",
    "x".repeat(5000),
  ])
    it(`refuses ${uri.slice(0, 60)}`, async () => {
      await assert.rejects((await connected(testDesk())).readResource({ uri }), { code: -32_002 });
    });
});

describe("serveStdio", () => {
  const begin = {
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
  };

  function served() {
    const [input, output] = [new PassThrough(), new PassThrough()];
    let written = "";
    output.on("data", (chunk: Buffer) => {
      written += chunk.toString("utf8");
    });
    const log: string[] = [];
    const done = serveStdio({ desk: testDesk(), log: (line) => void log.push(line), input, output, signal: new AbortController().signal });
    return { input, done, log, written: () => written };
  }

  it("goes on after garbage, writes nothing but messages, and ends with its input", async () => {
    const { input, done, written } = served();
    input.write("garbage\n{}\n[1,2]\n\u0000\u0001\n");
    input.write(`${JSON.stringify(begin)}\n`);
    await eventually(() => written().includes(`"id":1`));
    for (const line of written().trim().split("\n")) assert.equal((JSON.parse(line) as { jsonrpc: string }).jsonrpc, "2.0");
    input.end();
    await done;
  });

  it("answers what was asked for before its input ended", async () => {
    const { input, done, written } = served();
    const asking = { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "show_grant", arguments: {} } };
    input.end([begin, { jsonrpc: "2.0", method: "notifications/initialized" }, asking].map((each) => `${JSON.stringify(each)}\n`).join(""));
    await done;
    assert.match(written(), /"id":2/);
  });

  it("ends at a line that is too long, without keeping it", async () => {
    const { input, done, log } = served();
    const chunk = "x".repeat(256 * 1024);
    for (let index = 0; index < 8; index += 1) input.write(chunk);
    await done;
    assert.match(log.join("\n"), /maximum size/);
  });
});
