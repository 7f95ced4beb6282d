// The orchestrator as a planner sees it: plans, targets, state. Reading only; nothing is applied from here.
import {
  canonicalJson,
  digestOf,
  isFailureCode,
  type Plan,
  type PlanRequest,
  planSchema,
  type TargetState,
  TriplaneError,
  targetStateSchema,
  type WorkspaceState,
  workspaceStateSchema,
} from "@triplane/contract";
import { type HttpAnswer, httpExchange, tryParseJson } from "@triplane/kit";
import { z } from "zod";

export interface OrchestratorClientOptions {
  /** Like `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Bearer token with the scopes `plan` and `state:read`. */
  readonly token: string;
  readonly workspace: string;
  readonly timeoutMs?: number;
}

export interface OrchestratorClient {
  /** What an op would do now. Its digest has been recomputed. Throws as the API does, or `unavailable`. */
  plan(request: PlanRequest): Promise<Plan>;
  target(name: string): Promise<TargetState>;
  workspaceState(): Promise<WorkspaceState>;
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const failureSchema = z.looseObject({ code: z.string(), message: z.string(), hint: z.string().optional() });

export function orchestratorClient(options: OrchestratorClientOptions): OrchestratorClient {
  const base = new URL(`/api/v1/workspaces/${encodeURIComponent(options.workspace)}`, options.url).href;

  const ask = async <T>(path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> => {
    const where = `${body === undefined ? "GET" : "POST"} ${base}${path}`;
    const { status, text } = await exchange(`${base}${path}`, where, options, body);
    const value = tryParseJson(text);
    if (status !== 200) throw failureOf(status, value, where);
    const answer = schema.safeParse(value);
    if (!answer.success) throw new TriplaneError("unavailable", `${where}: the answer does not have the shape of the API`);
    return answer.data;
  };

  return {
    plan: async (request) => {
      const plan = await ask("/plan", planSchema, request);
      const { digest, ...said } = plan;
      // Approvers sign this digest: it must be of what is shown, whatever the server says.
      if (
        digestOf(canonicalJson(said)) !== digest ||
        plan.op !== request.op ||
        plan.target !== request.target ||
        plan.workspace !== options.workspace
      )
        throw new TriplaneError("plan_changed", "the plan is not the one whose digest it carries, or not for this request");
      return plan;
    },
    target: (name) => ask(`/targets/${encodeURIComponent(name)}`, targetStateSchema),
    workspaceState: () => ask("", workspaceStateSchema),
  };
}

async function exchange(url: string, where: string, options: OrchestratorClientOptions, body: unknown): Promise<HttpAnswer> {
  const headers = { authorization: `Bearer ${options.token}`, accept: "application/json" };
  const question = { headers, timeoutMs: options.timeoutMs ?? 10_000, maxBytes: MAX_ANSWER_BYTES };
  try {
    return await httpExchange(url, body === undefined ? question : { ...question, body: JSON.stringify(body) });
  } catch (cause) {
    throw new TriplaneError("unavailable", `${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function failureOf(status: number, value: unknown, where: string): TriplaneError {
  const body = failureSchema.safeParse(value);
  if (body.success && isFailureCode(body.data.code)) {
    const { message, hint } = body.data;
    return new TriplaneError(body.data.code, message, hint === undefined ? {} : { hint });
  }
  const code = status === 401 ? "unauthorized" : status === 403 ? "forbidden" : status === 404 ? "not_found" : "unavailable";
  return new TriplaneError(code, `${where}: status ${status}`);
}
