import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, manualClock, tempDir } from "@triplane/testkit";
import type { Backer } from "./backer.ts";
import { loadBacker } from "./backer.ts";
import { runHcloudSim } from "./main.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "./simulator.ts";
import { readState } from "./state-file.ts";

const TOKEN = "right";

// biome-ignore lint/suspicious/noExplicitAny: answers of a foreign API, looked at member by member
type Json = any;

interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
}

async function call(simulator: Simulator, method: string, path: string, body?: unknown, token = TOKEN): Promise<Answer> {
  const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const base = path.startsWith("/_sim") ? simulator.endpoint.replace(/\/v1$/, "") : simulator.endpoint;
  const response = await fetch(`${base}${path}`, { method, headers: { authorization: `Bearer ${token}` }, ...text });
  const answer = await response.text();
  return { status: response.status, body: answer === "" ? undefined : JSON.parse(answer), headers: response.headers };
}

async function stopped(options: SimulatorOptions = {}) {
  const clock = manualClock();
  const simulator = await startSimulator({ token: TOKEN, clock, ...options });
  return {
    ...{ simulator, clock, [Symbol.asyncDispose]: () => simulator.close() },
    ask: (method: string, path: string, body?: unknown, token?: string) => call(simulator, method, path, body, token),
  };
}

const WEB = { name: "web", server_type: "cx23", image: "debian-12", labels: { a: "b" } };

test("servers: initializing, off, starting, running, as the actions go; nothing says datacenter", async () => {
  await using at = await stopped();
  const { body, status } = await at.ask("POST", "/servers", WEB);
  assert.equal(status, 201);
  assert.ok(!JSON.stringify(body).includes("datacenter"));
  assert.deepEqual([body.action.command, body.action.status, body.action.progress], ["create_server", "running", 0]);
  assert.deepEqual(
    body.next_actions.map((each: Json) => [each.command, each.status]),
    [["start_server", "running"]],
  );
  assert.match(body.root_password, /./);
  const path = `/servers/${body.server.id}`;
  const look = async () => (await at.ask("GET", path)).body.server;
  assert.deepEqual([(await look()).status, (await look()).locked], ["initializing", true]);
  at.clock.advance(9_000);
  assert.equal((await look()).status, "starting");
  at.clock.advance(4_000);
  assert.deepEqual([(await look()).status, (await look()).locked], ["running", false]);
  const both = (await at.ask("GET", `/actions?id=${body.action.id}&id=${body.next_actions[0].id}`)).body.actions;
  assert.deepEqual(
    both.map((each: Json) => [each.status, each.progress, each.error]),
    [
      ["success", 100, null],
      ["success", 100, null],
    ],
  );
  assert.equal((await at.ask("DELETE", path)).status, 200);
  assert.equal((await look()).status, "deleting");
  at.clock.advance(2_000);
  assert.equal((await at.ask("GET", path)).body.error.code, "not_found");
});

test("servers: created without being started they stay off; from a snapshot they take longer", async () => {
  await using at = await stopped();
  const made = await at.ask("POST", "/servers", { ...WEB, start_after_create: false });
  assert.deepEqual(made.body.next_actions, []);
  at.clock.advance(10_000);
  const { id } = made.body.server;
  assert.equal((await at.ask("GET", `/servers/${id}`)).body.server.status, "off");
  const imaged = await at.ask("POST", `/servers/${id}/actions/create_image`, { description: "d", labels: { golden: "candidate" } });
  assert.deepEqual([imaged.body.image.status, imaged.body.image.name, imaged.body.image.image_size], ["creating", null, null]);
  const early = await at.ask("POST", "/servers", { ...WEB, name: "early", image: imaged.body.image.id });
  assert.equal(early.body.error.code, "invalid_input");
  assert.equal((await at.ask("POST", `/servers/${id}/actions/poweron`)).body.error.code, "locked");
  at.clock.advance(90_000);
  const [image] = (await at.ask("GET", "/images?type=snapshot&label_selector=golden")).body.images;
  assert.deepEqual([image.status, image.disk_size, image.architecture, image.created_from.name], ["available", 40, "x86", "web"]);
  const slow = await at.ask("POST", "/servers", { ...WEB, name: "slow", image: image.id });
  at.clock.advance(60_000);
  assert.equal((await at.ask("GET", `/servers/${slow.body.server.id}`)).body.server.status, "initializing");
});

test("servers: what is wrong with a wish is said by code and field", async () => {
  await using at = await stopped({ serverLimit: 1 });
  for (const [more, code] of [
    [{ name: "under_score" }, "invalid_input"],
    [{ name: 7 }, "invalid_input"],
    [{ server_type: "cx99" }, "invalid_input"],
    [{ server_type: "cx22" }, "invalid_server_type"],
    [{ image: 4711 }, "invalid_input"],
    [{ location: "mars" }, "invalid_input"],
    [{ location: "ash" }, "invalid_input"],
    [{ datacenter: "fsn1-dc14" }, "invalid_input"],
    [{ ssh_keys: ["nobody"] }, "invalid_input"],
    [{ labels: { "a b": "c" } }, "invalid_input"],
    [{ user_data: "x".repeat(32 * 1024 + 1) }, "invalid_input"],
  ] as const) {
    const { body } = await at.ask("POST", "/servers", { ...WEB, ...more });
    assert.equal(body.error.code, code, JSON.stringify(more).slice(0, 100));
  }
  const twoWrong = (await at.ask("POST", "/servers", { name: 1, image: "debian-12" })).body.error;
  assert.deepEqual(
    twoWrong.details.fields.map((field: Json) => field.name),
    ["name", "server_type"],
  );
  assert.equal((await at.ask("POST", "/servers", { ...WEB, user_data: "x".repeat(32 * 1024), server_type: 114, image: 1 })).status, 201);
  const taken = await at.ask("POST", "/servers", WEB);
  assert.deepEqual([taken.status, taken.body.error.code, taken.body.error.details.fields[0].name], [409, "uniqueness_error", "name"]);
  const over = await at.ask("POST", "/servers", { ...WEB, name: "web2" });
  assert.deepEqual([over.status, over.body.error.code], [403, "resource_limit_exceeded"]);
  assert.equal((await at.ask("POST", "/servers", "{")).body.error.code, "json_error");
});

test("lists: pages, links, order, filters", async () => {
  await using at = await stopped();
  for (const name of ["c", "a", "b"]) await at.ask("POST", "/servers", { ...WEB, name, labels: { own: name } });
  const second = await at.ask("GET", "/servers?sort=name:desc&per_page=2&page=2");
  assert.deepEqual(
    second.body.servers.map((each: Json) => each.name),
    ["a"],
  );
  assert.deepEqual(second.body.meta.pagination, {
    page: 2,
    per_page: 2,
    previous_page: 1,
    next_page: null,
    last_page: 2,
    total_entries: 3,
  });
  const first = await at.ask("GET", "/servers?per_page=2");
  assert.match(first.headers.get("link") ?? "", /<http:[^>]*\?per_page=2&page=2>; rel="next"/);
  const names = async (query: string) => (await at.ask("GET", `/servers?${query}`)).body.servers.map((each: Json) => each.name);
  assert.deepEqual(await names("label_selector=own%20in%20(a,b)&sort=name"), ["a", "b"]);
  assert.deepEqual(await names("name=c"), ["c"]);
  assert.deepEqual(await names("status=running"), []);
  assert.deepEqual(await names("page=9"), []);
  assert.equal((await at.ask("GET", "/servers?per_page=999")).body.meta.pagination.per_page, 50);
  for (const wrong of ["label_selector=(", "page=0", "page=x", "sort=secret", "sort=__proto__"])
    assert.equal((await at.ask("GET", `/servers?${wrong}`)).body.error.code, "invalid_input", wrong);
  assert.equal((await at.ask("GET", "/actions")).body.error.code, "invalid_input");
  assert.equal((await at.ask("GET", "/datacenters")).status, 410);
});

test("catalogue: what is sold no more is listed as deprecated and unavailable, prices are text", async () => {
  await using at = await stopped();
  const { server_types } = (await at.ask("GET", "/server_types?per_page=50")).body;
  const named = (name: string) => server_types.find((each: Json) => each.name === name);
  assert.deepEqual(
    [named("cx22").locations[0].available, typeof named("cx22").locations[0].deprecation.unavailable_after],
    [false, "string"],
  );
  assert.deepEqual([named("cx23").locations[0].available, named("cx23").locations[0].deprecation], [true, null]);
  assert.match(named("cx23").prices[0].price_hourly.net, /^\d+\.\d{10}$/);
  assert.equal((await at.ask("GET", "/pricing")).body.pricing.currency, "EUR");
});

test("rate limit: headers tell what is left, 429 when nothing is, and it refills evenly", async () => {
  await using at = await stopped({ rateLimit: 3600 });
  const one = await at.ask("GET", "/locations");
  assert.deepEqual([one.headers.get("ratelimit-limit"), one.headers.get("ratelimit-remaining")], ["3600", "3599"]);
  assert.equal(Number(one.headers.get("ratelimit-reset")), at.clock.nowMs() / 1000 + 1);
  assert.match(one.headers.get("x-correlation-id") ?? "", /^[0-9a-f]{16}$/);
  await at.ask("POST", "/_sim/rate-limit", { remaining: 1 });
  assert.equal((await at.ask("GET", "/locations")).status, 200);
  const none = await at.ask("GET", "/locations");
  assert.deepEqual([none.status, none.body.error.code, none.headers.get("ratelimit-remaining")], [429, "rate_limit_exceeded", "0"]);
  assert.equal(none.body.error.message, "limit of 3600 requests per hour reached");
  at.clock.advance(2_000);
  assert.equal((await at.ask("GET", "/locations")).headers.get("ratelimit-remaining"), "1");
});

test("tokens: none, a wrong one, and one that may only read", async () => {
  await using at = await stopped({ readonlyToken: "reader" });
  assert.equal((await at.ask("GET", "/servers", undefined, "wrong")).body.error.code, "unauthorized");
  assert.equal((await fetch(`${at.simulator.endpoint}/servers`)).status, 401);
  assert.equal((await at.ask("GET", "/servers", undefined, "reader")).status, 200);
  assert.equal((await at.ask("POST", "/servers", WEB, "reader")).body.error.code, "token_readonly");
  assert.equal((await at.ask("GET", "/_sim/faults", undefined, "reader")).status, 401);
});

test("faults: each does what it says, as often as it says, and is gone after that", async () => {
  await using at = await stopped();
  const post = (fault: unknown) => at.ask("POST", "/_sim/faults", fault);
  assert.deepEqual((await post([{ do: "error", code: "locked", times: 2, skip: 1 }])).body, { ids: ["fault-1"] });
  const codes: unknown[] = [];
  for (let n = 0; n < 4; n += 1) codes.push((await at.ask("GET", "/locations")).body.error?.code);
  assert.deepEqual(codes, [undefined, "locked", "locked", undefined]);
  assert.deepEqual((await at.ask("GET", "/_sim/faults")).body.faults, []);

  await post({ do: "cut", when: { method: "POST", path: "/servers" } });
  await assert.rejects(at.ask("POST", "/servers", WEB));
  assert.equal((await at.ask("GET", "/servers?name=web")).body.servers.length, 1);
  await post({ do: "cut", point: "before", when: { method: "POST", path: "/servers", name: "we*" } });
  await assert.rejects(at.ask("POST", "/servers", { ...WEB, name: "web2" }));
  assert.equal((await at.ask("GET", "/servers?name=web2")).body.servers.length, 0);

  await post({ do: "stick", when: { command: "create_server" } });
  const stuck = await at.ask("POST", "/servers", { ...WEB, name: "stuck" });
  await post({ do: "fail", code: "action_failed", when: { command: "create_server" } });
  const failed = await at.ask("POST", "/servers", { ...WEB, name: "failed" });
  await post({ do: "slow", ms: 50_000, when: { command: "create_server" } });
  const slow = await at.ask("POST", "/servers", { ...WEB, name: "slow" });
  at.clock.advance(30_000);
  const status = async (made: Answer) => (await at.ask("GET", `/actions/${made.body.action.id}`)).body.action.status;
  assert.deepEqual([await status(stuck), await status(failed), await status(slow)], ["running", "error", "running"]);
  const next = (await at.ask("GET", `/actions/${failed.body.next_actions[0].id}`)).body.action;
  assert.deepEqual([next.status, next.error.code], ["error", "action_failed"]);
  at.clock.advance(30_000);
  assert.deepEqual([await status(stuck), await status(slow)], ["running", "success"]);

  const ids = (
    await post([
      { do: "sold_out", when: { server_type: "cx33", location: "fsn1" } },
      { do: "page_size", size: 1 },
    ])
  ).body.ids;
  const sold = await at.ask("POST", "/servers", { ...WEB, name: "big", server_type: "cx33", location: "fsn1" });
  assert.deepEqual([sold.status, sold.body.error.code, sold.body.error.message], [412, "resource_unavailable", "error during placement"]);
  assert.equal((await at.ask("GET", "/server_types")).body.server_types.length, 1);
  const cx33 = (await at.ask("GET", "/server_types/115")).body.server_type;
  assert.equal(cx33.locations.find((each: Json) => each.name === "fsn1").available, false);
  for (const id of ids) assert.equal((await at.ask("DELETE", `/_sim/faults/${id}`)).status, 200);
  assert.equal((await at.ask("DELETE", "/_sim/faults/none")).status, 404);
  for (const wrong of [{}, { do: "explode" }, { do: "error" }, { do: "error", code: "x", when: { nothing: 1 } }, "{", [{ do: "wait" }]])
    assert.equal((await post(wrong)).status, 422, JSON.stringify(wrong));
  const { requests, total } = (await at.ask("GET", "/_sim/requests")).body;
  assert.equal(total, requests.length);
  assert.ok(requests.some((each: Json) => each.status === 0 && each.faults.length === 1));
});

test("state file: what was there is there again; another file is config_invalid", async () => {
  await using folder = await tempDir("hcloud-sim");
  const stateFile = join(folder.path, "state.json");
  {
    await using at = await stopped({ stateFile });
    await at.ask("POST", "/servers", WEB);
  }
  await using at = await stopped({ stateFile, state: await readState(stateFile) });
  at.clock.advance(20_000);
  assert.equal((await at.ask("GET", "/servers?name=web")).body.servers[0].status, "running");
  await writeFile(stateFile, '{"version":1}');
  await assert.rejects(readState(stateFile), { code: "config_invalid" });
});

test("backer: it is told to start and to stop, gives the address, and its failure is the action's", async () => {
  const log: string[] = [];
  let start: Backer["start"] = async () => ({ ipv4: "127.0.0.77" });
  const backer: Backer = {
    start: (server, userData, signal) => {
      log.push(`start ${server.name} ${server.memoryMib} ${userData}`);
      return start(server, userData, signal);
    },
    stop: async ({ name }) => void log.push(`stop ${name}`),
    close: async () => void log.push("close"),
  };
  await using at = await stopped({ backer, speed: 1000, clock: { nowMs: () => Date.now() } });
  const status = async (name: string) => (await at.ask("GET", `/servers?name=${name}`)).body.servers[0]?.status;
  await at.ask("POST", "/servers", { ...WEB, user_data: "#cloud-config" });
  await eventually(async () => (await status("web")) === "running");
  const [server] = (await at.ask("GET", "/servers?name=web")).body.servers;
  assert.equal(server.public_net.ipv4.ip, "127.0.0.77");
  await at.ask("DELETE", `/servers/${server.id}`);
  await eventually(() => log.includes("stop web"));
  assert.equal(log[0], "start web 4096 #cloud-config");
  start = () => Promise.reject(new Error("no room"));
  const made = await at.ask("POST", "/servers", { ...WEB, name: "poor" });
  const action = async () => (await at.ask("GET", `/actions/${made.body.next_actions[0].id}`)).body.action;
  await eventually(async () => (await action()).status === "error");
  assert.equal((await action()).error.code, "action_failed");
  assert.equal(await status("poor"), "off");
  await at.simulator.close();
  assert.equal(log.at(-1), "close");
});

test("backer: a machine that switches itself off takes its server with it, unless another one was started since", async () => {
  const ends: (() => void)[] = [];
  const backer: Backer = {
    start: async () => ({ ended: new Promise<void>((resolve) => void ends.push(resolve)) }),
    stop: async () => undefined,
  };
  await using at = await stopped({ backer, speed: 1000, clock: { nowMs: () => Date.now() } });
  const status = async () => (await at.ask("GET", "/servers?name=web")).body.servers[0]?.status;
  const made = await at.ask("POST", "/servers", WEB);
  const { id } = made.body.server;
  await eventually(async () => (await status()) === "running");
  ends[0]?.();
  await eventually(async () => (await status()) === "off");
  await at.ask("POST", `/servers/${id}/actions/poweron`);
  await eventually(async () => ends.length === 2 && (await status()) === "running");
  await at.ask("POST", `/servers/${id}/actions/reset`);
  await eventually(async () => ends.length === 3 && (await status()) === "running");
  // The machine before the reset has no say any more.
  ends[1]?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await status(), "running");
  ends[2]?.();
  await eventually(async () => (await status()) === "off");
});

test("backer: a machine that is done at once is off once its server has started", async () => {
  const backer: Backer = { start: async () => ({ ended: Promise.resolve() }), stop: async () => undefined };
  await using at = await stopped({ backer, speed: 1000, clock: { nowMs: () => Date.now() } });
  const made = await at.ask("POST", "/servers", WEB);
  await eventually(async () => (await at.ask("GET", `/actions/${made.body.next_actions[0].id}`)).body.action.status === "success");
  await eventually(async () => (await at.ask("GET", "/servers?name=web")).body.servers[0]?.status === "off");
});

test("hcloud-sim: the program says what is wrong with its options, and runs until it is told to stop", async () => {
  await using folder = await tempDir("hcloud-sim");
  const faults = join(folder.path, "faults.json");
  const backer = join(folder.path, "backer.mjs");
  await writeFile(faults, '[{"do":"explode"}]');
  await writeFile(backer, "export const backer = { start: 1 };");
  const lines: string[] = [];
  const runIt = (args: readonly string[], signal?: AbortSignal) =>
    runHcloudSim(
      ["--port", "0", ...args],
      {},
      { logSink: { write: (line) => lines.push(line) }, ...(signal === undefined ? {} : { signal }) },
    );
  assert.equal(await runIt(["--faults", faults]), 1);
  assert.equal(await runIt(["--backer", backer]), 1);
  assert.equal(await runIt(["--speed", "fast"]), 2);
  assert.match(lines.join(""), /explode|Invalid input/);
  await assert.rejects(loadBacker(join(folder.path, "none.mjs")), { code: "config_invalid" });
  lines.length = 0;
  await writeFile(faults, '{"do":"error","code":"maintenance"}');
  const good = join(folder.path, "good.mjs");
  await writeFile(good, "export default () => ({ start: async () => ({}), stop: async () => {} });");
  const stopping = new AbortController();
  const running = runIt(["--faults", faults, "--backer", good, "--speed", "100"], stopping.signal);
  const endpoint = await eventually(() => /"endpoint":"([^"]+)"/.exec(lines.join(""))?.[1]);
  const response = await fetch(`${endpoint}/servers`, { headers: { authorization: "Bearer any" } });
  assert.equal(response.status, 503);
  stopping.abort();
  assert.equal(await running, 0);
});
