// Options of the provider, for whichever daemon holds the pool.
import { TriplaneError } from "@triplane/contract";
import { integer, list, option, text, url } from "@triplane/kit";

const ENDPOINT = "https://api.hetzner.cloud/v1";

export const HCLOUD_OPTIONS = {
  hcloudToken: option(text().optional(), { description: "Token of the Hetzner Cloud project that runners are made in.", secret: true }),
  hcloudEndpoint: option(url("http", "https").default(ENDPOINT), {
    description: "Address of the Hetzner Cloud API; http only on this machine.",
    placeholder: "URL",
  }),
  hcloudLocations: option(list().default([]), {
    description: "Where runners may be, the preferred place first; none = anywhere.",
    placeholder: "NAME,…",
  }),
  hcloudCpuTypes: option(list().default(["shared"]), { description: "Which CPUs: shared, dedicated; none = any.", placeholder: "TYPE,…" }),
  hcloudSshPort: option(integer({ min: 1, max: 65_535 }).default(22), {
    description: "Port of sshd in the golden image.",
    placeholder: "PORT",
  }),
};

/** Throws `config_invalid`: a token that a header cannot carry, or an endpoint to which it would go in the clear. Never quotes the token. */
export function checkedAccess(token: string, endpoint: string): { readonly token: string; readonly endpoint: URL } {
  if (!/^[\x21-\x7e]{1,256}$/.test(token))
    throw new TriplaneError("config_invalid", "the Hetzner Cloud token has characters that no token has");
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const plain = parsed?.protocol === "http:" && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(parsed.hostname);
  if (
    parsed === undefined ||
    !(parsed.protocol === "https:" || plain) ||
    parsed.username !== "" ||
    parsed.search !== "" ||
    parsed.hash !== ""
  )
    throw new TriplaneError("config_invalid", "the Hetzner Cloud endpoint must be an https URL, or http on this machine");
  return { token, endpoint: parsed };
}
