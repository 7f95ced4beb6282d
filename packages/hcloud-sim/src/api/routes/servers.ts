// /servers and the actions on one.
import { z } from "zod";
import { renderAction, renderImage, renderServer } from "../../world/render.ts";
import type { SimAction, SimServer } from "../../world/types.ts";
import { checkLabels } from "../../world/world.ts";
import { type Answer, bodyOf, type Call, firstId, type Route } from "../call.ts";
import { ApiError } from "../error.ts";
import { page } from "../pagination.ts";

const idOrName = z.union([z.int().min(1), z.string().min(1).max(253)]);
const labels = z.record(z.string(), z.string());

const createBody = z
  .object({
    name: z.string().min(1),
    server_type: idOrName,
    image: idOrName,
    location: idOrName.optional(),
    ssh_keys: z.array(idOrName).max(100).default([]),
    user_data: z.string().default(""),
    labels: labels.default({}),
    start_after_create: z.boolean().default(true),
    public_net: z.object({ enable_ipv4: z.boolean().default(true), enable_ipv6: z.boolean().default(true) }).optional(),
    datacenter: z.undefined("was removed: use location").optional(),
  })
  .transform(({ public_net, datacenter: _gone, ...rest }) => ({
    ...rest,
    enable_ipv4: public_net?.enable_ipv4 ?? true,
    enable_ipv6: public_net?.enable_ipv6 ?? true,
  }));

const updateBody = z.object({ name: z.string().min(1).optional(), labels: labels.optional() });
const imageBody = z.object({
  type: z.enum(["snapshot", "backup"]).default("snapshot"),
  description: z.string().max(1000).nullish(),
  labels: labels.nullish(),
});
const rebuildBody = z.object({ image: idOrName, user_data: z.string().nullish() });
const protectionBody = z.object({ delete: z.boolean().optional(), rebuild: z.boolean().optional() });

const show = (call: Call, server: SimServer) => renderServer(server, call.world, call.market);
const started = (call: Call, action: SimAction, more: Readonly<Record<string, unknown>> = {}): Answer => ({
  status: 201,
  body: { action: renderAction(action, call.nowMs), ...more },
});

function list(call: Call): Answer {
  const statuses = call.query.getAll("status");
  const servers = call.world.state.servers.filter(({ status }) => statuses.length === 0 || statuses.includes(status));
  return page(call, "servers", servers, (server) => show(call, server));
}

function create(call: Call): Answer {
  const wish = bodyOf(call, createBody);
  const { server, action, nextActions } = call.world.createServer(wish, call.nowMs);
  return started(call, action, {
    server: show(call, server),
    next_actions: nextActions.map((each) => renderAction(each, call.nowMs)),
    // The real cloud also mails it: that is why nobody should leave ssh_keys out.
    root_password: wish.ssh_keys.length === 0 ? "simulated-password" : null,
  });
}

function update(call: Call): Answer {
  const server = call.world.server(firstId(call));
  const { name, labels: wanted } = bodyOf(call, updateBody);
  if (wanted !== undefined) checkLabels(wanted);
  if (name !== undefined) call.world.rename(server, name);
  if (wanted !== undefined) server.labels = wanted;
  return { status: 200, body: { server: show(call, server) } };
}

function createImage(call: Call): Answer {
  const { type, description, labels: wanted } = bodyOf(call, imageBody);
  if (type === "backup") throw new ApiError("unsupported_error", "backups are not simulated");
  const { image, action } = call.world.createImage(firstId(call), description ?? "", wanted ?? {}, call.nowMs);
  return started(call, action, { image: renderImage(image) });
}

function changeProtection(call: Call): Answer {
  const server = call.world.server(firstId(call));
  const wanted = bodyOf(call, protectionBody);
  server.protection = { delete: wanted.delete ?? server.protection.delete, rebuild: wanted.rebuild ?? server.protection.rebuild };
  const resources = [{ id: server.id, type: "server" as const }];
  return started(call, call.world.actions.begin({ command: "change_protection", resources }, call.nowMs));
}

function rebuild(call: Call): Answer {
  const { image, user_data } = bodyOf(call, rebuildBody);
  return started(call, call.world.rebuild(firstId(call), image, user_data ?? undefined, call.nowMs), { root_password: null });
}

const POWER = {
  poweron: "start_server",
  poweroff: "stop_server",
  shutdown: "shutdown_server",
  reboot: "reboot_server",
  reset: "reset_server",
} as const;

export const SERVER_ROUTES: readonly Route[] = [
  { method: "GET", path: "/servers", handler: list },
  { method: "POST", path: "/servers", handler: create },
  {
    method: "GET",
    path: "/servers/{id}",
    handler: (call) => ({ status: 200, body: { server: show(call, call.world.server(firstId(call))) } }),
  },
  { method: "PUT", path: "/servers/{id}", handler: update },
  {
    method: "DELETE",
    path: "/servers/{id}",
    handler: (call) => ({ ...started(call, call.world.deleteServer(firstId(call), call.nowMs)), status: 200 }),
  },
  { method: "POST", path: "/servers/{id}/actions/create_image", handler: createImage },
  { method: "POST", path: "/servers/{id}/actions/change_protection", handler: changeProtection },
  { method: "POST", path: "/servers/{id}/actions/rebuild", handler: rebuild },
  ...Object.entries(POWER).map(
    ([word, command]): Route => ({
      method: "POST",
      path: `/servers/{id}/actions/${word}`,
      handler: (call) => started(call, call.world.serverAction(firstId(call), command, call.nowMs)),
    }),
  ),
];
