import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApplyResult, digestOf, FAILURES, isFailureCode, TriplaneError } from "@triplane/contract";
import { createMetrics, silentLogger, systemRandom } from "@triplane/kit";
import { EventRing, type OrchestratorEvent } from "../events.ts";
import { API, eventually, newJti, testHome } from "../testing.ts";
import { type AppParts, createApp } from "./app.ts";
import { openApiDocument } from "./openapi.ts";
import { ROUTES, type RouteSpec } from "./routes.ts";
import { newToken, renderTokensFile, Tokens } from "./tokens.ts";

const reader = newToken(systemRandom);
const planner = newToken(systemRandom);
const controller = newToken(systemRandom);
const tokensText = renderTokensFile([
  { caller: "watcher", scopes: ["state:read"], token: reader },
  { caller: "ana", scopes: ["state:read", "plan"], token: planner },
  { caller: "controller", scopes: ["state:read", "apply"], token: controller },
]);

const jti = newJti();
const result: ApplyResult = {
  ...{ jti, op_digest: digestOf("op"), status: "applied", target: "web" },
  ...{ state_version_before: 0, state_version_after: 1, workspace_revision: 1, evidence: {} },
};
const applyBody = { fence: 1, jti, op_digest: digestOf("op"), op: "component.restart", target: "web", args: {}, expected_state_version: 0 };

function service(more: Partial<AppParts["service"]> = {}): AppParts["service"] {
  const refuse = (): never => {
    throw new TriplaneError("op_unknown", "not here");
  };
  return {
    plan: async () => ({ workspace: "w1", op: "a.b", target: "web", state_version: 0, actions: [], digest: digestOf("") }),
    apply: async () => result,
    op: async () => refuse(),
    target: async (target) => ({ target, version: 0, health: "unknown" }),
    state: async () => ({ workspace: "w1", revision: 0, state_hash: digestOf(""), targets: [] }),
    ...more,
  };
}

function app(more: Partial<AppParts> = {}) {
  return createApp({
    ...{ workspace: "w1", service: service(), events: new EventRing(10, []), tokens: Tokens.parse(tokensText, "tokens.json") },
    ...{ logger: silentLogger, metrics: createMetrics({ name: "orchestrator" }), health: () => ({ ok: true }), applyWaitMs: 20 },
    ...{ signal: new AbortController().signal, ...more },
  });
}

interface Ask {
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}

function ask(path: string, { method, token, body, text, headers }: Ask, parts: Partial<AppParts> = {}) {
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  return app(parts).request(path, {
    method: method ?? (content === undefined ? "GET" : "POST"),
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(content === undefined ? {} : { body: content }),
  });
}

async function failureOf(response: Response | Promise<Response>): Promise<string> {
  const answer = await response;
  const body = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), ["code", "message", "hint"]);
  const code = String(body["code"]);
  assert.ok(isFailureCode(code));
  assert.equal(answer.status, FAILURES[code].httpStatus);
  return code;
}

test("tokens: no token, a wrong one and a wrong scheme are unauthorized; a scope that is missing is forbidden", async () => {
  assert.equal(await failureOf(ask(API, {})), "unauthorized");
  assert.equal(await failureOf(ask(API, { token: newToken(systemRandom) })), "unauthorized");
  assert.equal(await failureOf(ask(API, { headers: { authorization: `Basic ${reader}` } })), "unauthorized");
  assert.equal(await failureOf(ask(`${API}/plan`, { token: reader, body: {} })), "forbidden");
  assert.equal(await failureOf(ask(`${API}/ops`, { token: planner, body: applyBody })), "forbidden");
  assert.equal((await ask(API, { token: reader })).status, 200);
});

test("Tokens.parse: the file holds digests only, and a wrong file is config_invalid", () => {
  for (const token of [reader, planner, controller]) assert.ok(!tokensText.includes(token));
  const wrong = ["", "{}", '{"tokens":[{"caller":"a","sha256":"0","scopes":["plan"]}]}'];
  for (const text of [...wrong, '{"tokens":[{"caller":"a","token":"x"}]}']) {
    assert.throws(() => Tokens.parse(text, "t"), { code: "config_invalid" });
  }
});

test("pitfall 31: every route: needs its scope, before anything else is looked at", async () => {
  for (const route of Object.values(ROUTES) as readonly RouteSpec[]) {
    const path = route.path
      .replace("{ws}", "w1")
      .replace("{target}", "web")
      .replace("{jti}", jti)
      .replace("{lease_id}", `lease-${"0".repeat(32)}`);
    const body = route.method === "post" ? { text: "not json" } : {};
    assert.equal(await failureOf(ask(path, { ...body, method: route.method.toUpperCase() })), "unauthorized", path);
  }
});

test("requests: another workspace, another path and another method are not found", async () => {
  assert.equal(await failureOf(ask("/api/v1/workspaces/w2", { token: reader })), "not_found");
  assert.equal(await failureOf(ask("/api/v2", { token: reader })), "not_found");
  assert.equal(await failureOf(ask(`${API}/plan`, { token: planner })), "not_found");
  assert.equal(await failureOf(ask(`${API}/ops/${jti}`, { token: reader })), "op_unknown");
});

test("requests: what is not strict JSON of the right shape is request_invalid", async () => {
  const bad: readonly Ask[] = [
    { text: "" },
    { text: "not json" },
    { text: '{"op":"a.b","op":"a.c","target":"web","args":{}}' },
    { text: '{"op":"a.b","target":"web","args":{"__proto__":1}}' },
    { text: '{"op":"a.b","target":"web","args":{"n":1.5}}' },
    { body: { op: "a.b", target: "../web", args: {} } },
    { body: { op: "a.b", target: "web", args: {}, more: 1 } },
    { body: { op: "a.b", target: "web", args: { text: "x".repeat(70_000) } } },
  ];
  for (const each of bad) assert.equal(await failureOf(ask(`${API}/plan`, { token: planner, ...each })), "request_invalid");
  assert.equal(await failureOf(ask(`${API}/targets/..%2Fweb`, { token: reader })), "request_invalid");
  assert.equal(await failureOf(ask(`${API}/ops/1`, { token: reader })), "request_invalid");
  assert.equal(await failureOf(ask(`${API}/events`, { token: reader, headers: { "last-event-id": "x" } })), "request_invalid");
});

test("requests: what a defect says stays in the log", async () => {
  const state = async (): Promise<never> => {
    throw new Error("secret path /home/x");
  };
  const answer = await ask(API, { token: reader }, { service: service({ state }) });
  assert.equal(answer.status, 500);
  assert.ok(!(await answer.text()).includes("secret"));
});

test("POST /ops: who waits too long is told that the op runs, and later gets its result", async () => {
  const finished = Promise.withResolvers<ApplyResult>();
  const running = { ...result, status: "running" as const };
  const parts = { service: service({ apply: () => finished.promise, op: async () => running }) };
  const first = await ask(`${API}/ops`, { token: controller, body: applyBody }, parts);
  assert.deepEqual([first.status, ((await first.json()) as ApplyResult).status], [200, "running"]);
  finished.resolve(result);
  const second = await ask(`${API}/ops`, { token: controller, body: applyBody }, parts);
  assert.deepEqual(await second.json(), result);
});

const event = (id: number): OrchestratorEvent => ({ id, at_ms: 5, type: "target.changed", target: "web", data: { version: id } });

async function readUntil(response: Response, wanted: string): Promise<string> {
  assert.ok(response.body);
  let text = "";
  for await (const part of response.body) {
    text += Buffer.from(part).toString("utf8");
    if (text.includes(wanted)) return text;
  }
  return text;
}

test("GET /events: goes on after Last-Event-ID, says how many are missing, and delivers what comes later", async () => {
  const events = new EventRing(3, [1, 2, 3, 4].map(event));
  const response = await ask(`${API}/events`, { token: reader, headers: { "last-event-id": "0" } }, { events });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  setImmediate(() => events.append([event(5)]));
  const text = await readUntil(response, "id: 5");
  assert.match(text, /event: missing\ndata: \{"missing":1\}\n\nid: 2\nevent: target\.changed\ndata: \{"at_ms":5/);
  assert.deepEqual(
    [...text.matchAll(/^id: (\d+)$/gm)].map((match) => match[1]),
    ["2", "3", "4", "5"],
  );
});

test("GET /events: without Last-Event-ID only what comes from now on; ends when the process stops", async () => {
  const events = new EventRing(3, [event(1)]);
  const stopping = new AbortController();
  const response = await ask(`${API}/events`, { token: reader }, { events, signal: stopping.signal });
  setImmediate(() => {
    events.append([event(2)]);
    setImmediate(() => stopping.abort());
  });
  const text = await readUntil(response, "never");
  assert.deepEqual(
    [...text.matchAll(/^id: (\d+)$/gm)].map((match) => match[1]),
    ["2"],
  );
});

test("/healthz and /metrics: answer without a token", async () => {
  assert.equal((await ask("/healthz", {})).status, 200);
  assert.equal((await ask("/healthz", {}, { health: () => ({ ok: false }) })).status, 503);
  assert.equal((await ask("/metrics", {})).status, 200);
});

/** Every object of a document, with the way to it. */
function* objects(value: unknown, path = "#"): Generator<{ readonly path: string; readonly object: Record<string, unknown> }> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield { path, object: value as Record<string, unknown> };
  for (const [key, member] of Object.entries(value)) yield* objects(member, `${path}/${key}`);
}

test("/openapi.json: is OpenAPI 3.1, names every parameter of every path, and all its references lead somewhere", async () => {
  const document = (await (await ask("/openapi.json", {})).json()) as Record<string, unknown>;
  assert.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument())));
  assert.match(String(document["openapi"]), /^3\.1\./);
  const paths = document["paths"] as Record<string, Record<string, Record<string, unknown>>>;
  const operations = Object.entries(paths).flatMap(([path, item]) => Object.values(item).map((operation) => ({ path, operation })));
  assert.equal(operations.length, Object.keys(ROUTES).length);
  assert.equal(new Set(operations.map(({ operation }) => operation["operationId"])).size, operations.length);
  for (const { path, operation } of operations) {
    const parameters = operation["parameters"] as readonly { readonly name: string; readonly in: string }[];
    const declared = parameters.filter((each) => each.in === "path").map(({ name }) => name);
    assert.deepEqual(declared.sort(), [...path.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1]).sort());
    assert.ok(Object.keys(operation["responses"] as Record<string, unknown>).some((status) => status.startsWith("2")));
  }
  for (const { path, object } of objects(document)) {
    const reference = object["$ref"];
    if (reference === undefined) continue;
    assert.ok(typeof reference === "string" && reference.startsWith("#/"), path);
    let found: unknown = document;
    for (const step of reference.slice(2).split("/")) found = (found as Record<string, unknown> | undefined)?.[step];
    assert.ok(found, `${path}: ${reference}`);
  }
});

test("/openapi.json: a body's schema allows what the handler allows, down to the required members", () => {
  const document = openApiDocument() as { readonly paths: Record<string, Record<string, { readonly requestBody: unknown }>> };
  const body = document.paths["/api/v1/workspaces/{ws}/ops"]?.["post"]?.requestBody as {
    readonly content: Record<string, { readonly schema: { readonly required: readonly string[]; readonly additionalProperties: boolean } }>;
  };
  const schema = body.content["application/json"]?.schema;
  assert.deepEqual([...(schema?.required ?? [])].sort(), Object.keys(applyBody).sort());
  assert.equal(schema?.additionalProperties, false);
});

test("GET /events: a watcher that goes away makes room for another", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  for (let watcher = 0; watcher < 70; watcher += 1) {
    const gone = new AbortController();
    await eventually("room to watch", async () => {
      const headers = { authorization: `Bearer ${orchestrator.token}` };
      const response = await fetch(`http://127.0.0.1:${orchestrator.port}${API}/events`, { headers, signal: gone.signal });
      return response.status === 200 || undefined;
    });
    gone.abort();
  }
});
