// /images, /ssh_keys.
import { z } from "zod";
import { renderAction, renderImage, renderSshKey } from "../../world/render.ts";
import { checkLabels } from "../../world/world.ts";
import { type Answer, bodyOf, type Call, firstId, type Route } from "../call.ts";
import { page } from "../pagination.ts";

const labels = z.record(z.string(), z.string());
const imageUpdate = z.object({ description: z.string().max(1000).nullish(), labels: labels.nullish() });
const imageProtection = z.object({ delete: z.boolean().optional() });
const keyCreate = z.object({ name: z.string().min(1).max(253), public_key: z.string().max(10_000), labels: labels.default({}) });
const keyUpdate = z.object({ name: z.string().min(1).max(253).optional(), labels: labels.optional() });

function list(call: Call): Answer {
  const wanted = (name: string, value: string): boolean => {
    const asked = call.query.getAll(name);
    return asked.length === 0 || asked.includes(value);
  };
  const images = call.world.state.images.filter(
    ({ type, status, architecture }) => wanted("type", type) && wanted("status", status) && wanted("architecture", architecture),
  );
  return page(call, "images", images, renderImage);
}

function update(call: Call): Answer {
  const image = call.world.image(firstId(call));
  const { description, labels: wanted } = bodyOf(call, imageUpdate);
  if (wanted !== undefined && wanted !== null) {
    checkLabels(wanted);
    image.labels = wanted;
  }
  if (description !== undefined && description !== null) image.description = description;
  return { status: 200, body: { image: renderImage(image) } };
}

function remove(call: Call): Answer {
  call.world.deleteImage(firstId(call));
  return { status: 204 };
}

function changeProtection(call: Call): Answer {
  const image = call.world.image(firstId(call));
  image.protectedFromDelete = bodyOf(call, imageProtection).delete ?? image.protectedFromDelete;
  const action = call.world.actions.begin({ command: "change_protection", resources: [{ id: image.id, type: "image" }] }, call.nowMs);
  return { status: 201, body: { action: renderAction(action, call.nowMs) } };
}

function updateKey(call: Call): Answer {
  const key = call.world.sshKey(firstId(call));
  const { name, labels: wanted } = bodyOf(call, keyUpdate);
  if (wanted !== undefined) checkLabels(wanted);
  if (name !== undefined) call.world.rename(key, name);
  if (wanted !== undefined) key.labels = wanted;
  return { status: 200, body: { ssh_key: renderSshKey(key) } };
}

function createKey(call: Call): Answer {
  const { name, public_key, labels: wanted } = bodyOf(call, keyCreate);
  return { status: 201, body: { ssh_key: renderSshKey(call.world.createSshKey(name, public_key, wanted, call.nowMs)) } };
}

function removeKey(call: Call): Answer {
  const key = call.world.sshKey(firstId(call));
  call.world.state.sshKeys = call.world.state.sshKeys.filter((each) => each !== key);
  return { status: 204 };
}

function listKeys(call: Call): Answer {
  const fingerprint = call.query.get("fingerprint");
  const keys = call.world.state.sshKeys.filter((key) => fingerprint === null || key.fingerprint === fingerprint);
  return page(call, "ssh_keys", keys, renderSshKey);
}

export const IMAGE_ROUTES: readonly Route[] = [
  { method: "GET", path: "/images", handler: list },
  {
    method: "GET",
    path: "/images/{id}",
    handler: (call) => ({ status: 200, body: { image: renderImage(call.world.image(firstId(call))) } }),
  },
  { method: "PUT", path: "/images/{id}", handler: update },
  { method: "DELETE", path: "/images/{id}", handler: remove },
  { method: "POST", path: "/images/{id}/actions/change_protection", handler: changeProtection },
  { method: "GET", path: "/ssh_keys", handler: listKeys },
  { method: "POST", path: "/ssh_keys", handler: createKey },
  {
    method: "GET",
    path: "/ssh_keys/{id}",
    handler: (call) => ({ status: 200, body: { ssh_key: renderSshKey(call.world.sshKey(firstId(call))) } }),
  },
  { method: "PUT", path: "/ssh_keys/{id}", handler: updateKey },
  { method: "DELETE", path: "/ssh_keys/{id}", handler: removeKey },
];
