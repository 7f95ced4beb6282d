// Options of registry-gateway.
import { isDid } from "@triplane/contract";
import { defineConfig, integer, list, option, port, text, url } from "@triplane/kit";
import { z } from "zod";

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

export const CONFIG = defineConfig({
  program: "registry-gateway",
  summary: "One origin for images, compiled objects and crates, with short-lived tokens; zot stands behind it.",
  envPrefix: "TRIPLANE_REGISTRY",
  options: {
    host: option(text().default("127.0.0.1"), {
      description: "Address to listen on. Put TLS in front of any but loopback.",
      placeholder: "HOST",
    }),
    port: option(port().default(5000), { description: "Port to listen on; 0 takes any free one.", placeholder: "PORT" }),
    origin: option(url("http", "https"), {
      description: "How clients reach the gateway, e.g. https://registry.example.",
      placeholder: "URL",
    }),
    zotUrl: option(url("http").default("http://127.0.0.1:5001"), {
      description: "zot, which nobody but the gateway may reach.",
      placeholder: "URL",
    }),
    keyFile: option(text(), { description: "Key that signs registry tokens, and nothing else.", placeholder: "FILE" }),
    previousKeys: option(
      list()
        .default([])
        .refine((keys) => keys.every(isDid), { error: "must be DIDs of Ed25519 keys" }),
      {
        description: "Keys (did:key) before it whose tokens still count: take them out once the longest lease is over.",
        placeholder: "DID,…",
      },
    ),
    publicKeyFile: option(text().optional(), {
      description: "Where to write the public key for zot (PEM) at each start; absent writes none.",
      placeholder: "FILE",
    }),
    issuer: option(text().default("triplane"), { description: "Name in the tokens' iss.", placeholder: "NAME" }),
    credentialsFile: option(text(), { description: "Digests of the long-lived credentials, with their roles.", placeholder: "FILE" }),
    orchestratorUrl: option(url("http", "https").optional(), {
      description: "Orchestrator whose pool says which leases stand; absent refuses every token of a lease.",
      placeholder: "URL",
    }),
    orchestratorToken: option(text().optional(), { description: "Token for the orchestrator's vm-pool.", secret: true }),
    leaseBelievedMs: option(integer({ min: 0, max: 60_000 }).default(5_000), {
      description: "Milliseconds for which a lease that stood is believed to stand.",
      placeholder: "MS",
    }),
    sccacheDir: option(text(), { description: "Folder of compiled objects.", placeholder: "FOLDER" }),
    sccacheMaxBytes: option(integer({ min: MIB }).default(20 * GIB), {
      description: "Bytes of compiled objects, beyond which those go that nobody asked for longest.",
      placeholder: "BYTES",
    }),
    sccacheMaxObjectBytes: option(integer({ min: 1024 }).default(256 * MIB), {
      description: "Largest compiled object, in bytes.",
      placeholder: "BYTES",
    }),
    maxBlobBytes: option(integer({ min: MIB }).default(16 * GIB), {
      description: "Largest part of a layer in one request, in bytes.",
      placeholder: "BYTES",
    }),
    maxCrateBytes: option(integer({ min: 1024, max: GIB }).default(64 * MIB), {
      description: "Largest crate that may be published, in bytes, with its metadata.",
      placeholder: "BYTES",
    }),
    tokenLifetimeS: option(integer({ min: 30, max: 3_600 }).default(300), {
      description: "Seconds that a token of the token endpoint lasts.",
      placeholder: "S",
    }),
  },
  rules: ({ origin, orchestratorUrl, orchestratorToken }) => {
    const problems: string[] = [];
    if (z.url().safeParse(origin).success && new URL(origin).pathname !== "/")
      problems.push("--origin has a path: the gateway is at the root of its host");
    if ((orchestratorUrl === undefined) !== (orchestratorToken === undefined))
      problems.push("--orchestrator-url and --orchestrator-token-file belong together");
    return problems;
  },
});
