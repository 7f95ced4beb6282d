import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { digestOf, TriplaneError } from "@triplane/contract";
import { orchestratorOverHttp } from "./orchestrator-http.ts";

const JTI = "01890a5d-ac96-774b-bcce-b302099a8057";
const RESULT = {
  jti: JTI,
  op_digest: digestOf("op"),
  status: "applied",
  target: "web",
  state_version_before: 0,
  state_version_after: 1,
  workspace_revision: 1,
  evidence: { deep: { list: [1] } },
};

describe("orchestratorOverHttp", () => {
  let server: Server;
  let respond: (response: ServerResponse) => void;
  let asked: { readonly url: string | undefined; readonly method: string | undefined; readonly authorization: string | undefined }[];
  before(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push({ url: request.url, method: request.method, authorization: request.headers.authorization });
      respond(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const orchestrator = (timeoutMs = 2000) => {
    const { port } = server.address() as AddressInfo;
    return orchestratorOverHttp({ baseUrl: `http://127.0.0.1:${port}/`, workspace: "w1", token: "the-token", timeoutMs });
  };
  const answering = (status: number, body: string) => (response: ServerResponse) => void response.writeHead(status).end(body);
  const fails = (code: string, without?: string) => (error: unknown) =>
    error instanceof TriplaneError && error.code === code && (without === undefined || !JSON.stringify(error).includes(without));
  const never = new AbortController().signal;

  it("op: asks with the token and gives the result", async () => {
    respond = answering(200, JSON.stringify(RESULT));
    assert.deepEqual(await orchestrator().op(JTI, never), RESULT);
    assert.deepEqual(asked.at(-1), { url: `/api/v1/workspaces/w1/ops/${JTI}`, method: "GET", authorization: "Bearer the-token" });
  });

  it("failure that the orchestrator names: comes with its code", async () => {
    respond = answering(404, JSON.stringify({ code: "op_unknown", message: "no such op", hint: "" }));
    await assert.rejects(orchestrator().op(JTI, never), fails("op_unknown"));
    respond = answering(409, JSON.stringify({ code: "fencing_stale", message: "old", hint: "" }));
    await assert.rejects(orchestrator().op(JTI, never), fails("fencing_stale"));
  });

  it("anything unclear: unavailable, so that it is asked again; never an outcome", async () => {
    const unclear: Readonly<Record<string, (response: ServerResponse) => void>> = {
      "a proxy's page": answering(502, "<html>bad gateway</html>"),
      "a code that is not in the table": answering(400, JSON.stringify({ code: "made_up" })),
      "an answer of another shape": answering(200, JSON.stringify({ ...RESULT, status: "done" })),
      "an answer with a double key": answering(200, `{"jti":"${JTI}","jti":"x"}`),
      "no JSON": answering(200, "ok"),
      "a redirect": (response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      "an endless answer": (response) => {
        response.writeHead(200);
        response.end("x".repeat(1024 * 1024 + 1));
      },
      "a broken connection": (response) => void response.destroy(),
    };
    for (const [what, answer] of Object.entries(unclear)) {
      respond = answer;
      await assert.rejects(orchestrator().op(JTI, never), fails("unavailable", "the-token"), what);
    }
    respond = () => undefined;
    await assert.rejects(orchestrator(50).op(JTI, never), fails("unavailable"), "no answer in time");
    const stopping = new AbortController();
    const waiting = orchestrator().op(JTI, stopping.signal);
    stopping.abort();
    await assert.rejects(waiting, fails("unavailable"), "told to stop");
  });
});
