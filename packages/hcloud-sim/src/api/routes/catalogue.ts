// What can be bought, and the actions: /server_types, /locations, /pricing, /actions. /datacenters is gone.
import { LOCATIONS, SERVER_TYPES } from "../../world/catalogue.ts";
import { renderAction, renderLocation, renderPricing, renderType } from "../../world/render.ts";
import type { SimAction } from "../../world/types.ts";
import { type Answer, type Call, firstId, type Route } from "../call.ts";
import { ApiError, invalid, notFound } from "../error.ts";
import { page } from "../pagination.ts";

const MAX_IDS = 50;

function one<T extends { readonly id: number }>(what: string, things: readonly T[], id: number): T {
  const found = things.find((each) => each.id === id);
  if (found === undefined) throw notFound(what, id);
  return found;
}

/** Since 2025 the ids have to be given; the whole list is not to be had. */
function listActions(call: Call): Answer {
  const ids = call.query.getAll("id").map(Number);
  if (ids.length === 0) throw invalid("id", "is required");
  if (ids.length > MAX_IDS) throw invalid("id", `more than ${MAX_IDS} ids`);
  const actions = call.world.state.actions.filter(({ id }) => ids.includes(id));
  return page(call, "actions", actions, (action) => renderAction(action, call.nowMs), {
    status: statusOf,
    command: ({ command }) => command,
  });
}

function actionsOf(type: "server" | "image"): (call: Call) => Answer {
  return (call) => {
    const id = firstId(call);
    if (type === "server") call.world.server(id);
    else call.world.image(id);
    const actions = call.world.state.actions.filter(({ resources }) => resources.some((each) => each.type === type && each.id === id));
    return page(call, "actions", actions, (action) => renderAction(action, call.nowMs), { status: statusOf });
  };
}

function statusOf({ finishedMs, failure }: SimAction): string {
  return finishedMs === undefined ? "running" : failure === undefined ? "success" : "error";
}

function action(call: Call): Answer {
  const id = call.ids.at(-1) ?? 0;
  return { status: 200, body: { action: renderAction(one("action", call.world.state.actions, id), call.nowMs) } };
}

function gone(): Answer {
  throw new ApiError("deprecated_api_endpoint", "datacenters were removed, use locations", {
    details: { announcement: "https://docs.hetzner.cloud/changelog" },
  });
}

export const CATALOGUE_ROUTES: readonly Route[] = [
  { method: "GET", path: "/actions", handler: listActions },
  { method: "GET", path: "/actions/{id}", handler: action },
  { method: "GET", path: "/servers/{id}/actions", handler: actionsOf("server") },
  { method: "GET", path: "/servers/{id}/actions/{id}", handler: action },
  { method: "GET", path: "/images/{id}/actions", handler: actionsOf("image") },
  {
    method: "GET",
    path: "/server_types",
    handler: (call) => page(call, "server_types", SERVER_TYPES, (type) => renderType(type, call.market)),
  },
  {
    method: "GET",
    path: "/server_types/{id}",
    handler: (call) => ({ status: 200, body: { server_type: renderType(one("server_type", SERVER_TYPES, firstId(call)), call.market) } }),
  },
  { method: "GET", path: "/locations", handler: (call) => page(call, "locations", LOCATIONS, renderLocation) },
  {
    method: "GET",
    path: "/locations/{id}",
    handler: (call) => ({ status: 200, body: { location: renderLocation(one("location", LOCATIONS, firstId(call))) } }),
  },
  { method: "GET", path: "/pricing", handler: () => ({ status: 200, body: { pricing: renderPricing() } }) },
  { method: "GET", path: "/datacenters", handler: gone },
  { method: "GET", path: "/datacenters/{id}", handler: gone },
];
