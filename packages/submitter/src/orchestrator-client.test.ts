// The client against a real HTTP server that answers as told.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { canonicalJson, digestOf, type Plan } from "@triplane/contract";
import { rejects } from "@triplane/testkit";
import { type OrchestratorClient, orchestratorClient } from "./orchestrator-client.ts";

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly authorization: string;
  readonly body: string;
}

interface Server extends AsyncDisposable {
  readonly client: OrchestratorClient;
  readonly asked: Asked[];
}

async function serving(answer: Answer | ((request: IncomingMessage) => Promise<Answer>)): Promise<Server> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    asked.push({ method, url, authorization: request.headers.authorization ?? "", body: await text(request) });
    const { status = 200, body, headers = {} } = typeof answer === "function" ? await answer(request) : answer;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    client: orchestratorClient({ url: `http://127.0.0.1:${port}`, token: "t0ken", workspace: "w1", timeoutMs: 500 }),
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const REQUEST = { op: "component.deploy", target: "web", args: { replicas: 2 } };
const said = {
  workspace: "w1",
  op: REQUEST.op,
  target: "web",
  state_version: 3,
  actions: [{ action: "update", target: "web", summary: "2 replicas" } as const],
};
const PLAN: Plan = { ...said, actions: [...said.actions], digest: digestOf(canonicalJson(said)) };

describe("orchestratorClient", () => {
  it("plan: posts the request with the token and returns the plan", async () => {
    await using server = await serving({ body: PLAN });
    assert.deepEqual(await server.client.plan(REQUEST), PLAN);
    assert.deepEqual(server.asked, [
      { method: "POST", url: "/api/v1/workspaces/w1/plan", authorization: "Bearer t0ken", body: JSON.stringify(REQUEST) },
    ]);
  });

  it("plan: refuses a plan whose digest is of something else, or that is for another request", async () => {
    const wrong: readonly Plan[] = [
      { ...PLAN, digest: digestOf("other") },
      { ...PLAN, actions: [] },
      planFor({ ...said, target: "db" }),
      planFor({ ...said, op: "component.remove" }),
      planFor({ ...said, workspace: "w2" }),
    ];
    for (const body of wrong) {
      await using server = await serving({ body });
      await rejects(server.client.plan(REQUEST), "plan_changed");
    }
  });

  it("target and workspaceState: read what the API says", async () => {
    const target = { target: "web", version: 3, health: "healthy" };
    const state = { workspace: "w1", revision: 7, state_hash: digestOf("s"), targets: [target] };
    await using server = await serving(async (request) => ({ body: request.url?.endsWith("/web") === true ? target : state }));
    assert.deepEqual(await server.client.target("web"), target);
    assert.deepEqual(await server.client.workspaceState(), state);
    assert.deepEqual(
      server.asked.map(({ url }) => url),
      ["/api/v1/workspaces/w1/targets/web", "/api/v1/workspaces/w1"],
    );
  });

  it("target: a name cannot reach another path", async () => {
    await using server = await serving({ body: {} });
    await rejects(server.client.target("../../vm-pool?x#"), "unavailable");
    assert.equal(server.asked[0]?.url, "/api/v1/workspaces/w1/targets/..%2F..%2Fvm-pool%3Fx%23");
  });

  it("throws the API's own failure, or one by status", async () => {
    const cases = [
      [{ status: 404, body: { code: "target_unknown", message: "no target web", hint: "look" } }, "target_unknown"],
      [{ status: 401, body: "" }, "unauthorized"],
      [{ status: 403, body: {} }, "forbidden"],
      [{ status: 404, body: "<html>" }, "not_found"],
      [{ status: 500, body: { code: "no such code", message: "x" } }, "unavailable"],
      [{ status: 200, body: "{" }, "unavailable"],
      [{ status: 200, body: { ...PLAN, extra: 1 } }, "unavailable"],
      [{ status: 302, body: "", headers: { location: "http://127.0.0.1:1/" } }, "unavailable"],
      [{ status: 200, body: " ".repeat(5 * 1024 * 1024) }, "unavailable"],
    ] as const;
    for (const [answer, code] of cases) {
      await using server = await serving(answer);
      const refused = await rejects(server.client.plan(REQUEST), code);
      assert.ok(!refused.message.includes("t0ken"));
    }
  });

  it("unavailable where nobody listens, or nobody answers in time", async () => {
    const nobody = orchestratorClient({ url: "http://127.0.0.1:9", token: "t", workspace: "w1" });
    await rejects(nobody.workspaceState(), "unavailable");
    await using server = await serving(() => new Promise(() => undefined));
    await rejects(server.client.workspaceState(), "unavailable");
  });
});

function planFor(members: Omit<Plan, "digest">): Plan {
  return { ...members, digest: digestOf(canonicalJson(members)) };
}
