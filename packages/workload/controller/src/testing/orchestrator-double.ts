// A small orchestrator for tests: the same wire schemas, jti-idempotent apply with versions and fences, state in memory.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type ApplyRequest,
  type ApplyResult,
  applyRequestSchema,
  applyResultSchema,
  FAILURES,
  type FailureCode,
  jtiField,
} from "@triplane/contract";

export interface OrchestratorDouble extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** Effects in order: what was really changed, never only asked for. */
  readonly effects: readonly ApplyRequest[];
  /** Calls of POST /ops, also those that changed nothing. */
  readonly calls: readonly ApplyRequest[];
  /** Runs before an effect; a test can hold, kill or fail there. */
  beforeEffect: (request: ApplyRequest) => Promise<void>;
  /** Runs after an effect and before the answer. */
  afterEffect: (request: ApplyRequest) => Promise<void>;
  /** Answers with this failure instead, until undefined. */
  failWith: FailureCode | undefined;
  /** Answers `running` and finishes later. */
  slow: boolean;
}

export async function startOrchestrator(workspace: string): Promise<OrchestratorDouble> {
  const results = new Map<string, ApplyResult>();
  const running = new Map<string, ApplyResult>();
  const versions = new Map<string, number>();
  const effects: ApplyRequest[] = [];
  const calls: ApplyRequest[] = [];
  let highestFence = 0;
  let revision = 0;
  const token = "test-token-of-the-controller";
  const base = `/api/v1/workspaces/${workspace}/ops`;

  const carryOut = async (request: ApplyRequest): Promise<ApplyResult> => {
    const before = versions.get(request.target) ?? 0;
    const about = { jti: request.jti, op_digest: request.op_digest, target: request.target, state_version_before: before, evidence: {} };
    if (before !== request.expected_state_version)
      return { ...about, status: "conflict", code: "version_conflict", state_version_after: before, workspace_revision: revision };
    await double.beforeEffect(request);
    effects.push(request);
    versions.set(request.target, before + 1);
    revision += 1;
    const result: ApplyResult = { ...about, status: "applied", state_version_after: before + 1, workspace_revision: revision };
    results.set(request.jti, result);
    await double.afterEffect(request);
    return result;
  };

  const apply = async (request: ApplyRequest): Promise<ApplyResult | FailureCode> => {
    calls.push(request);
    if (request.seen !== undefined && results.get(request.seen.jti)?.workspace_revision !== request.seen.revision) return "state_lost";
    if (request.fence < highestFence) return "fencing_stale";
    highestFence = request.fence;
    const known = results.get(request.jti) ?? running.get(request.jti);
    if (known !== undefined) return known.op_digest === request.op_digest ? known : "jti_reused";
    if (!double.slow) {
      const result = await carryOut(request);
      results.set(request.jti, result);
      return result;
    }
    const version = versions.get(request.target) ?? 0;
    const state = { state_version_before: version, state_version_after: version, workspace_revision: revision, evidence: {} };
    const accepted: ApplyResult = { jti: request.jti, op_digest: request.op_digest, target: request.target, status: "running", ...state };
    running.set(request.jti, accepted);
    setTimeout(() => void carryOut(request).then((result) => results.set(request.jti, result)), 150);
    return accepted;
  };

  const answer = async (request: IncomingMessage): Promise<ApplyResult | FailureCode> => {
    if (request.headers.authorization !== `Bearer ${token}`) return "unauthorized";
    if (double.failWith !== undefined) return double.failWith;
    if (request.method === "POST" && request.url === base) return await apply(applyRequestSchema.parse(JSON.parse(await bodyOf(request))));
    const jti = jtiField.safeParse(request.url?.slice(base.length + 1));
    if (request.method !== "GET" || !jti.success) return "not_found";
    return results.get(jti.data) ?? running.get(jti.data) ?? "op_unknown";
  };

  const server = createServer((request, response) => {
    void answer(request).then(
      (result) => respond(response, result),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const double: OrchestratorDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    effects,
    calls,
    beforeEffect: async () => undefined,
    afterEffect: async () => undefined,
    failWith: undefined,
    slow: false,
    [Symbol.asyncDispose]: () => close(server),
  };
  return double;
}

function respond(response: ServerResponse, result: ApplyResult | FailureCode): void {
  const failed = typeof result === "string";
  const body = failed ? { code: result, message: FAILURES[result].what, hint: FAILURES[result].hint } : applyResultSchema.parse(result);
  response.writeHead(failed ? FAILURES[result].httpStatus : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
