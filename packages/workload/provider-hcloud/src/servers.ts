// The API's servers as the pool's: state, address, labels.
import { TIERS, TriplaneError, tierSchema } from "@triplane/contract";
import type { Server, ServerLabels } from "@triplane/vm-pool";
import { z } from "zod";
import type { ApiServer } from "./client/answers.ts";

/** sshd's port and the user whose key is let in: those of the golden image. */
export interface Login {
  readonly port: number;
  readonly user: string;
}

/** While it is being made, a server is `off` for a moment. */
const YOUNG_S = 300;

/** As the API takes them as a value. */
const LABEL_VALUE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_KEY = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

const value = z.string().regex(LABEL_VALUE);
const labelsSchema = z.object({
  "managed-by": z.literal("triplane"),
  pool: value,
  lease: value,
  tenant: value,
  tier: tierSchema,
  expires: z.string().regex(/^\d{1,15}$/),
});

export function serverOf(server: ApiServer, login: Login, nowS: number): Server {
  const labels = labelsSchema.safeParse(server.labels);
  const ip = server.public_net.ipv4?.ip ?? "";
  return {
    id: String(server.id),
    name: server.name,
    labels: labels.success ? labels.data : undefined,
    state: stateOf(server.status, nowS - server.created),
    address: ip === "" ? undefined : { host: ip, port: login.port, user: login.user },
    offer: { type: server.server_type.name, location: server.location?.name ?? "" },
    createdAtS: server.created,
  };
}

function stateOf(status: string, ageS: number): Server["state"] {
  switch (status) {
    case "running":
      return "running";
    case "off":
      return ageS < YOUNG_S ? "starting" : "stopped";
    case "stopping":
      return "stopped";
    case "deleting":
      return "ending";
    default:
      return "starting";
  }
}

/** `k=v,k=v`. Throws `provider_failed` where one of them cannot be a label: a selector that is misread could match too much. */
export function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, text]) => {
      if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(text)) throw notALabel(`${key}=${text}`);
      return `${key}=${text}`;
    })
    .join(",");
}

/** Throws `provider_failed` where the reaper could not read them back. */
export function checkedLabels(labels: ServerLabels): ServerLabels {
  const parsed = labelsSchema.strict().safeParse(labels);
  if (!parsed.success) throw notALabel(JSON.stringify(labels).slice(0, 300));
  return parsed.data;
}

function notALabel(what: string): TriplaneError {
  return new TriplaneError("provider_failed", `this cannot be a label: ${what}`, {
    hint: `At most 63 letters, digits and ._- with a letter or digit at both ends; a tier is one of ${TIERS.join(", ")}.`,
  });
}
