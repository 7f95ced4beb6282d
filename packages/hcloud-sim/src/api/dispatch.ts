// From a parsed request to an answer: token, budget, faults, route. No socket here.
//
// 1. A fault that prevents a call prevents its effect too; one that takes the answer away leaves the effect.
import { timingSafeEqual } from "node:crypto";
import type { Facts, FaultKind, FaultScript } from "../faults/fault.ts";
import { locationNamed, SERVER_TYPES, type TypeEntry, typeNamed } from "../world/catalogue.ts";
import type { World, WorldOptions } from "../world/world.ts";
import type { Answer, Handler, Route } from "./call.ts";
import { ApiError } from "./error.ts";
import type { RateLimit } from "./rate-limit.ts";
import { CATALOGUE_ROUTES } from "./routes/catalogue.ts";
import { IMAGE_ROUTES } from "./routes/images.ts";
import { SERVER_ROUTES } from "./routes/servers.ts";

const ROUTES: readonly Route[] = [...SERVER_ROUTES, ...IMAGE_ROUTES, ...CATALOGUE_ROUTES];

export interface ApiRequest {
  readonly method: string;
  /** Without `/v1` and query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  /** undefined = no body. */
  readonly text: string | undefined;
  readonly address: string;
}

export type Outcome =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly text: string | undefined;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: "cut" };

export interface Outcomes {
  readonly outcome: Outcome;
  /** Ids of the faults that it met. */
  readonly faults: readonly string[];
  readonly waitMs: number;
}

export interface DispatchOptions {
  readonly world: World;
  readonly faults: FaultScript;
  readonly rateLimit: RateLimit;
  readonly market: WorldOptions["market"];
  /** undefined: any token does. */
  readonly token: string | undefined;
  readonly readonlyToken: string | undefined;
}

export function dispatch(request: ApiRequest, nowMs: number, options: DispatchOptions): Outcomes {
  const met: string[] = [];
  const take = <K extends FaultKind>(kinds: readonly K[], facts: Facts) => {
    const fault = options.faults.take(kinds, facts);
    if (fault?.id !== undefined) met.push(fault.id);
    return fault;
  };
  const base = options.rateLimit;
  let waitMs = 0;
  const respond = ({ status, body, headers }: Answer): Outcome => ({
    kind: "answer",
    status,
    text: body === undefined ? undefined : JSON.stringify(body),
    // Without a body there is no type: clients read JSON where the type says so.
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...base.headers(), ...headers },
  });
  const attempt = (): Outcome => {
    authorize(request, options);
    if (!base.take()) throw new ApiError("rate_limit_exceeded", base.message);
    const body = parseBody(request.text);
    const facts = factsOf(request, body, options.world);
    waitMs = take(["wait"], facts)?.ms ?? 0;
    const fault = take(["error", "answer"], facts) ?? takeCut(options.faults, "before", facts, met);
    if (fault?.do === "cut") return { kind: "cut" };
    if (fault?.do === "answer")
      return { kind: "answer", status: fault.status, text: fault.body, headers: { ...base.headers(), ...fault.headers } };
    if (fault?.do === "error") {
      const message = fault.code === "rate_limit_exceeded" ? (fault.message ?? base.message) : fault.message;
      throw new ApiError(fault.code, message, { details: fault.details, status: fault.status, headers: fault.headers });
    }
    const { handler, ids } = routeOf(request);
    const pageCap = request.method === "GET" ? take(["page_size"], facts)?.size : undefined;
    const { world, market } = options;
    const answer = handler({ ...{ world, market, nowMs, query: request.query, body, ids, address: request.address }, pageCap });
    world.advance(nowMs);
    return takeCut(options.faults, "after", facts, met) === undefined ? respond(answer) : { kind: "cut" };
  };
  try {
    return { outcome: attempt(), faults: met, waitMs };
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    return { outcome: respond({ status: thrown.status, body: thrown.body, headers: thrown.headers }), faults: met, waitMs };
  }
}

/** Whether a type can be had, as the catalogue and the faults say. */
export function marketOf(faults: FaultScript, visible: boolean): WorldOptions["market"] {
  const kinds: readonly FaultKind[] = visible ? ["sold_out"] : ["sold_out", "unavailable"];
  return (type: TypeEntry, location: string) => {
    const facts = { server_type: type.name, location };
    if (!type.locations.includes(location)) return "not-sold";
    if (type.deprecation !== undefined || faults.standing(["deprecate"], facts) !== undefined) return "deprecated";
    return faults.standing(kinds, facts) === undefined ? "available" : "sold-out";
  };
}

function takeCut(faults: FaultScript, point: "before" | "after", facts: Facts, met: string[]) {
  if (faults.standing(["cut"], facts)?.point !== point) return undefined;
  const fault = faults.take(["cut"], facts);
  if (fault?.id !== undefined) met.push(fault.id);
  return fault;
}

function authorize({ token, method }: ApiRequest, options: DispatchOptions): void {
  if (token === undefined || token === "") throw new ApiError("unauthorized");
  if (options.readonlyToken !== undefined && same(token, options.readonlyToken)) {
    if (method !== "GET") throw new ApiError("token_readonly");
  } else if (options.token !== undefined && !same(token, options.token)) throw new ApiError("unauthorized");
}

export function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function parseBody(text: string | undefined): unknown {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("json_error", "the request body is not valid JSON");
  }
}

function routeOf({ method, path }: ApiRequest): { handler: Handler; ids: readonly number[] } {
  const words = path.split("/");
  let known = false;
  for (const route of ROUTES) {
    const pattern = route.path.split("/");
    if (pattern.length !== words.length || !pattern.every((word, at) => word === words[at] || (word === "{id}" && isId(words[at]))))
      continue;
    known = true;
    if (route.method !== method) continue;
    return { handler: route.handler, ids: words.filter((word, at) => pattern[at] === "{id}" && isId(word)).map(Number) };
  }
  if (known) throw new ApiError("not_found", `${method} is not possible here`);
  throw new ApiError("not_found", `${path} is not simulated`);
}

function isId(word: string | undefined): boolean {
  return word !== undefined && /^\d{1,15}$/.test(word);
}

/** What a fault can be about, as far as the call says so. */
function factsOf({ method, path }: ApiRequest, body: unknown, world: World): Facts {
  const asked = body as { name?: unknown; server_type?: unknown; location?: unknown } | undefined;
  const id = /^\/servers\/(\d{1,15})(?:\/|$)/.exec(path)?.[1];
  const server = world.state.servers.find((each) => String(each.id) === id);
  const type = typeof asked === "object" && asked !== null ? (typeNamed(idOrName(asked.server_type)) ?? undefined) : undefined;
  const place = typeof asked === "object" && asked !== null ? locationNamed(idOrName(asked.location)) : undefined;
  return {
    ...{ method, path, server_type: type?.name ?? server?.serverType },
    location: place?.name ?? (type === undefined ? server?.location : SERVER_TYPES.find(({ id }) => id === type.id)?.locations[0]),
    name: typeof asked?.name === "string" ? asked.name : server?.name,
  };
}

function idOrName(value: unknown): number | string {
  return typeof value === "number" || typeof value === "string" ? value : "";
}
