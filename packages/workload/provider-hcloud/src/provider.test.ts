import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { isFailureCode, type TriplaneError } from "@triplane/contract";
import { eventually } from "@triplane/testkit";
import { GOLDEN, place, snapshot, TOKEN } from "./testing/place.ts";

test("hcloudProvider: a runner is made, found, listed and destroyed, and create returns when it starts", async () => {
  await using at = await place();
  const { provider, signal } = at;
  const made = await provider.create(at.spec("lease-1"), signal);
  assert.equal(made.state, "running");
  assert.equal(made.name, "lease-1");
  assert.equal(made.labels?.lease, "lease-1");
  assert.match(made.address?.host ?? "", /^198\.18\./);
  assert.deepEqual([made.address?.port, made.address?.user], [22, "root"]);
  assert.deepEqual(made.offer, { type: "cx23", location: "fsn1" });
  assert.deepEqual(await provider.find("lease-1", signal), made);
  assert.deepEqual(await provider.list("main", signal), [made]);
  assert.deepEqual(await provider.list("another", signal), []);
  await provider.destroy(made.id, signal);
  assert.equal(await provider.find("lease-1", signal), undefined);
  await provider.destroy(made.id, signal);
});

test("hcloudProvider: the action and every next action are waited for, all by one call a look", async () => {
  await using at = await place();
  at.simulator.script({ do: "slow", when: { command: "start_server" }, ms: 60 });
  const made = await at.provider.create(at.spec("lease-1"), at.signal);
  assert.equal(made.state, "running");
  const calls = at.calls().filter((call) => call.startsWith("GET /actions"));
  assert.ok(calls.length >= 1);
  assert.ok(calls.every((call) => call === "GET /actions"));
});

test("hcloudProvider: offers are what can be ordered, cheapest first, with prices of the API; a list of types is believed for a while", async () => {
  await using at = await place({}, { locations: ["nbg1", "fsn1"] });
  const offers = await at.provider.offers(at.signal);
  assert.deepEqual(offers[0], { type: "cx23", location: "nbg1", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 0.56 });
  assert.ok(offers.every(({ type, location }) => !/^cx.2$/.test(type) && type !== "ccx13" && ["nbg1", "fsn1"].includes(location)));
  assert.deepEqual(
    offers.filter(({ platform, location }) => platform === "linux/amd64" && location === "nbg1").map(({ type }) => type),
    ["cx23", "cx33", "cx43", "cx53"],
  );
  at.calls();
  await at.provider.offers(at.signal);
  assert.deepEqual(at.calls(), []);
});

test("hcloudProvider: what is sold out or deprecated is no offer, and what a create found out is none for a while", async () => {
  await using at = await place();
  at.simulator.script({ do: "sold_out", when: { server_type: "cx33", location: "fsn1" } });
  at.simulator.script({ do: "deprecate", when: { server_type: "cx43" } });
  const names = async () => (await at.provider.offers(at.signal)).map(({ type, location }) => `${type} ${location}`);
  assert.ok(!(await names()).includes("cx33 fsn1"));
  assert.ok((await names()).includes("cx33 nbg1"));
  assert.ok(!(await names()).some((name) => name.startsWith("cx43")));
  at.simulator.script({ do: "unavailable", when: { server_type: "cx23", location: "fsn1" } });
  assert.ok((await names()).includes("cx23 fsn1"));
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unavailable" });
  assert.ok(!(await names()).includes("cx23 fsn1"));
});

for (const [api, code] of [
  ["resource_unavailable", "provider_unavailable"],
  ["placement_error", "provider_unavailable"],
  ["invalid_server_type", "provider_unavailable"],
  ["resource_limit_exceeded", "provider_limit"],
  ["rate_limit_exceeded", "provider_busy"],
  ["conflict", "provider_busy"],
  ["locked", "provider_busy"],
  ["maintenance", "provider_busy"],
  ["unauthorized", "provider_denied"],
  ["forbidden", "provider_denied"],
  ["token_readonly", "provider_denied"],
  ["uniqueness_error", "provider_name_taken"],
  ["server_error", "provider_unknown_outcome"],
  ["service_error", "provider_unknown_outcome"],
  ["bad_gateway", "provider_unknown_outcome"],
  ["timeout", "provider_unknown_outcome"],
  ["invalid_input", "provider_failed"],
  ["protected", "provider_failed"],
  ["a_code_of_tomorrow", "provider_failed"],
] as const) {
  test(`create: the API's ${api} is ${code}, whatever the status, with the correlation id`, async () => {
    await using at = await place();
    at.simulator.script({ do: "error", code: api, status: 418, when: { method: "POST", path: "/servers" }, times: "always" });
    await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), (error: TriplaneError) => {
      assert.equal(error.code, code);
      assert.ok(isFailureCode(error.code));
      assert.match(error.message, new RegExp(`\\(${api}\\) \\[correlation id [0-9a-f]{16}\\]$`));
      return true;
    });
    const tries = at.calls().filter((call) => call === "POST /servers").length;
    assert.equal(tries, ["conflict", "rate_limit_exceeded"].includes(api) ? 5 : 1);
  });
}

test("create: a type that is not sold at a place is provider_unavailable though the API calls it invalid input", async () => {
  await using at = await place();
  const offer = { ...at.spec("x").offer, location: "ash" };
  await assert.rejects(at.provider.create(at.spec("lease-1", { offer }), at.signal), { code: "provider_unavailable" });
});

test("create: a busy API is asked again and then does it", async () => {
  await using at = await place();
  at.simulator.script({ do: "error", code: "conflict", when: { method: "POST", path: "/servers" }, times: 2 });
  at.simulator.script({ do: "error", code: "rate_limit_exceeded", when: { method: "POST", path: "/servers" }, times: 2 });
  assert.equal((await at.provider.create(at.spec("lease-1"), at.signal)).state, "running");
});

test("create: the answer is lost after the effect: provider_unknown_outcome, asked once, and found afterwards", async () => {
  await using at = await place();
  at.simulator.script({ do: "cut", point: "after", when: { method: "POST", path: "/servers" } });
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  assert.equal(at.calls().filter((call) => call === "POST /servers").length, 1);
  const found = await at.provider.find("lease-1", at.signal);
  assert.equal(found?.labels?.lease, "lease-1");
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_name_taken" });
});

test("create: the connection is cut before the effect: the outcome is just as unknown, and there is nothing to be found", async () => {
  await using at = await place();
  at.simulator.script({ do: "cut", point: "before", when: { method: "POST", path: "/servers" } });
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  assert.equal(await at.provider.find("lease-1", at.signal), undefined);
});

test("create: no answer in time is an unknown outcome; nobody there is none", async () => {
  await using at = await place({}, { timeoutMs: 50 });
  at.simulator.script({ do: "wait", ms: 400, when: { method: "POST", path: "/servers" } });
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  const away = at.another({ endpoint: "http://127.0.0.1:1/v1" });
  await assert.rejects(away.create(at.spec("lease-2"), at.signal), { code: "provider_failed" });
});

test("create: given up by the caller while it is under way, its outcome is unknown", async () => {
  await using at = await place();
  at.simulator.script({ do: "stick", when: { command: "create_server" } });
  const giving = new AbortController();
  const made = at.provider.create(at.spec("lease-1"), giving.signal);
  await eventually(() => at.provider.find("lease-1", at.signal), { what: "the server" });
  giving.abort();
  await assert.rejects(made, { code: "provider_unknown_outcome" });
});

test("create: an answer that cannot be read is an unknown outcome: HTML, half a JSON, other members", async () => {
  await using at = await place();
  for (const body of ["<html>502</html>", '{"server":{"id":', '{"server":{"id":"1"}}', '{"server":null,"action":null}']) {
    at.simulator.script({ do: "answer", status: 201, body, when: { method: "POST", path: "/servers" } });
    await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  }
  for (const [status, code] of [
    [500, "provider_unknown_outcome"],
    [502, "provider_unknown_outcome"],
    [403, "provider_failed"],
    [302, "provider_failed"],
  ] as const) {
    at.simulator.script({ do: "answer", status, body: "<html>", when: { method: "POST", path: "/servers" } });
    await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code });
  }
});

test("create: an action that fails leaves no server behind, and says what the pool has to do", async () => {
  await using at = await place();
  for (const [api, command, code] of [
    ["resource_unavailable", "create_server", "provider_unavailable"],
    ["action_failed", "start_server", "provider_failed"],
    ["server_error", "create_server", "provider_failed"],
  ] as const) {
    at.simulator.script({ do: "fail", code: api, when: { command } });
    await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code, message: /failed: action failed/ });
    assert.equal(await at.provider.find("lease-1", at.signal), undefined);
  }
  at.simulator.script({ do: "fail", code: "action_failed", when: { command: "create_server" } });
  at.simulator.script({ do: "error", code: "locked", when: { method: "DELETE" }, times: "always" });
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  assert.notEqual(await at.provider.find("lease-1", at.signal), undefined);
});

test("create: an action that never ends is an unknown outcome after the deadline, and the server can be adopted", async () => {
  await using at = await place({}, { actionDeadlineMs: 100 });
  at.simulator.script({ do: "stick", when: { command: "start_server" } });
  await assert.rejects(at.provider.create(at.spec("lease-1"), at.signal), { code: "provider_unknown_outcome" });
  assert.equal((await at.provider.find("lease-1", at.signal))?.state, "starting");
});

test("create: an action that is gone ends the wait", async () => {
  await using at = await place();
  at.simulator.script({ do: "stick", when: { command: "start_server" } });
  at.simulator.script({ do: "answer", status: 200, body: '{"actions":[]}', when: { path: "/actions" } });
  assert.equal((await at.provider.create(at.spec("lease-1"), at.signal)).state, "starting");
});

test("create: an SSH key is named so that no password is made and mailed, one for all runners; it comes back when somebody deletes it", async () => {
  await using at = await place();
  await Promise.all([1, 2, 3].map((n) => at.provider.create(at.spec(`lease-${n}`), at.signal)));
  const { ssh_keys } = (await at.api("GET", "/ssh_keys")).body as unknown as { ssh_keys: { id: number; name: string }[] };
  assert.deepEqual(
    ssh_keys.map(({ name }) => name),
    ["triplane-no-password"],
  );
  await at.api("DELETE", `/ssh_keys/${ssh_keys[0]?.id}`);
  await assert.rejects(at.provider.create(at.spec("lease-4"), at.signal), { code: "provider_failed" });
  assert.equal((await at.provider.create(at.spec("lease-4"), at.signal)).state, "running");
});

test("create: what is not a name, an id, a key or a label never reaches the API", async () => {
  await using at = await place();
  const spec = at.spec("lease-1");
  for (const bad of [
    { name: "lease_1" },
    { name: "a/../b" },
    { image: "1/../../servers" },
    { image: "" },
    { authorizedKey: "ssh-ed25519 AAAA\nruncmd: [id]" },
    { hostKey: { ...spec.hostKey, private: "-----BEGIN OPENSSH PRIVATE KEY-----\nx: y\n" } },
    { deadManAtS: 1 },
    { labels: { ...spec.labels, tenant: "a,managed-by!=triplane" } },
  ]) {
    await assert.rejects(at.provider.create({ ...spec, ...bad }, at.signal), { code: "provider_failed" }, JSON.stringify(bad));
  }
  assert.ok(!at.calls().includes("POST /servers"));
  await assert.rejects(at.provider.find("a&name=b", at.signal), { code: "provider_failed" });
  await assert.rejects(at.provider.list("a,!b", at.signal), { code: "provider_failed" });
  await assert.rejects(at.provider.destroy("../images/1", at.signal), { code: "provider_failed" });
});

test("destroy: errors that pass are waited out, others are told; it resolves only when the server is gone", async () => {
  await using at = await place();
  const made = await at.provider.create(at.spec("lease-1"), at.signal);
  at.simulator.script({ do: "error", code: "locked", when: { method: "DELETE" } });
  await assert.rejects(at.provider.destroy(made.id, at.signal), { code: "provider_busy" });
  at.simulator.script({ do: "error", code: "server_error", when: { method: "DELETE" } });
  await assert.rejects(at.provider.destroy(made.id, at.signal), { code: "provider_unknown_outcome" });
  at.simulator.script({ do: "fail", code: "action_failed", when: { command: "delete_server" } });
  await assert.rejects(at.provider.destroy(made.id, at.signal), { code: "provider_failed" });
  at.simulator.script({ do: "error", code: "bad_gateway", when: { method: "DELETE" }, times: 3 });
  at.simulator.script({ do: "cut", point: "before", when: { method: "DELETE" } });
  at.simulator.script({ do: "slow", ms: 50, when: { command: "delete_server" } });
  await at.provider.destroy(made.id, at.signal);
  assert.equal((await at.api("GET", `/servers/${made.id}`)).status, 404);
});

test("destroy: an answer that is lost after the effect is asked again, and 404 is done", async () => {
  await using at = await place();
  const made = await at.provider.create(at.spec("lease-1"), at.signal);
  at.simulator.script({ do: "cut", point: "after", when: { method: "DELETE" } });
  at.simulator.script({ do: "error", code: "not_found", when: { method: "DELETE" } });
  await at.provider.destroy(made.id, at.signal);
});

test("destroy: a server that is still there at the deadline is provider_busy", async () => {
  await using at = await place({}, { actionDeadlineMs: 60 });
  const made = await at.provider.create(at.spec("lease-1"), at.signal);
  at.simulator.script({ do: "stick", when: { command: "delete_server" } });
  await assert.rejects(at.provider.destroy(made.id, at.signal), { code: "provider_busy" });
  assert.equal((await at.provider.find("lease-1", at.signal))?.state, "ending");
});

test("list: every page, also where a page has one entry; servers of others are not in it", async () => {
  await using at = await place();
  for (const name of ["lease-1", "lease-2", "lease-3"]) await at.provider.create(at.spec(name), at.signal);
  await at.api("POST", "/servers", { name: "somebodys", server_type: "cx23", image: "debian-12" });
  at.simulator.script({ do: "page_size", size: 1 });
  const names = (await at.provider.list("main", at.signal)).map(({ name }) => name);
  assert.deepEqual(names, ["lease-1", "lease-2", "lease-3"]);
  assert.equal((await at.provider.find("somebodys", at.signal))?.labels, undefined);
  assert.equal((await at.provider.images(GOLDEN, at.signal)).length, 1);
});

test("list: a thousand servers cost pages, not servers", async () => {
  await using at = await place({ rateLimit: 100_000, serverLimit: 2000 });
  const labels = at.spec("x").labels;
  for (let n = 0; n < 1000; n += 1) {
    const { status } = await at.api("POST", "/servers", { name: `lease-${n}`, server_type: "cx23", image: "debian-12", labels });
    assert.equal(status, 201);
  }
  at.calls();
  assert.equal((await at.provider.list("main", at.signal)).length, 1000);
  assert.deepEqual(at.calls(), Array(20).fill("GET /servers"));
});

test("list: pages that do not end, and answers of another shape, are provider_failed", async () => {
  await using at = await place();
  for (const body of [
    '{"servers":[],"meta":{"pagination":{"next_page":1}}}',
    '{"servers":{}}',
    '{"servers":[{"id":1}]}',
    '{"servers":[{"id":-1,"name":"x"}]}',
    "null",
    "not json",
  ]) {
    at.simulator.script({ do: "answer", status: 200, body, when: { path: "/servers" } });
    await assert.rejects(at.provider.list("main", at.signal), { code: "provider_failed" }, body);
  }
});

test("images: available snapshots with the labels, newest first", async () => {
  await using at = await place();
  const second = await snapshot(at.api, { ...GOLDEN, version: "2" });
  const images = await at.provider.images(GOLDEN, at.signal);
  assert.deepEqual(new Set(images.map(({ id }) => id)), new Set([at.image, second]));
  assert.equal(images[0]?.platform, "linux/amd64");
  assert.deepEqual(await at.provider.images({ golden: "none" }, at.signal), []);
});

test("budget: what the headers say, undefined before the first answer", async () => {
  await using at = await place({ rateLimit: 100 });
  assert.equal(at.provider.budget(), undefined);
  await at.provider.list("main", at.signal);
  const budget = at.provider.budget();
  assert.equal(budget?.limit, 100);
  assert.ok((budget?.remaining ?? 100) < 100);
  assert.ok((budget?.fullAtS ?? 0) * 1000 > Date.now());
});

test("the token: in no error, and no redirect takes it to another host", async () => {
  await using at = await place();
  const seen: unknown[] = [];
  const trap = createServer((request, response) => {
    seen.push(request.headers);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  try {
    await eventually(() => trap.listening);
    const { port } = trap.address() as AddressInfo;
    const headers = { location: `http://127.0.0.1:${port}/v1/servers` };
    at.simulator.script({ do: "answer", status: 307, headers, when: { path: "/servers" }, times: "always" });
    await assert.rejects(at.provider.list("main", at.signal), (error: TriplaneError) => {
      assert.equal(error.code, "provider_failed");
      assert.ok(!JSON.stringify([error.message, error.stack, error.details, String(error.cause)]).includes(TOKEN));
      return true;
    });
    assert.deepEqual(seen, []);
  } finally {
    trap.close();
  }
});

test("the token: one that no header can carry, or an endpoint in the clear, is config_invalid, and the message does not have it", async () => {
  await using at = await place();
  for (const options of [
    { token: `${TOKEN}\nx: y` },
    { token: "" },
    { endpoint: "http://api.hetzner.cloud/v1" },
    { endpoint: "https://user:pw@api.hetzner.cloud/v1" },
    { endpoint: "file:///etc/passwd" },
    { endpoint: "http://127.0.0.1.example.org/v1" },
  ]) {
    assert.throws(
      () => at.another(options),
      (error: TriplaneError) => error.code === "config_invalid" && !error.message.includes(TOKEN),
    );
  }
});
