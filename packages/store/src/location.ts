// Which stores may be opened: the one embedded engine that keeps what it confirms, or a server. Everything else is refused by name.
import { isAbsolute, normalize } from "node:path";
import { TriplaneError } from "@triplane/contract";

export type StoreLocation =
  | { readonly kind: "embedded"; readonly path: string; readonly engineUrl: string }
  | { readonly kind: "server"; readonly url: string };

/** A URL setting beats this variable in the engine, but whoever set it believes that it works; so it is refused instead of ignored. */
const SYNC_VARIABLE = "SURREAL_DATASTORE_SYNC_DATA";

// Measured (ADR-005): surrealkv and mem let two writers win and lose updates, surrealkv lost a store in a power cut.
const REFUSED_ENGINES: ReadonlyMap<string, string> = new Map([
  ["surrealkv", "it admits two winners for one record and loses updates"],
  ["surrealkv+versioned", "it admits two winners for one record and loses updates"],
  ["mem", "it keeps nothing"],
  ["memory", "it keeps nothing"],
  ["file", "its engine is not named; write rocksdb://"],
  ["indxdb", "it is an engine for browsers"],
  ["http", "it has no session; write ws://"],
  ["https", "it has no session; write wss://"],
]);

/** Throws `store_engine_refused`. */
export function parseLocation(url: string, env: Readonly<Record<string, string | undefined>>): StoreLocation {
  const scheme = /^([a-z+]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "ws" || scheme === "wss") return parseServer(url);
  if (scheme !== "rocksdb") {
    const why = scheme === undefined ? "it names no engine" : (REFUSED_ENGINES.get(scheme) ?? "the engine is not known");
    throw refused(`${JSON.stringify(url.slice(0, 200))}: ${why}`);
  }
  const sync = env[SYNC_VARIABLE];
  if (sync !== undefined && sync !== "every") throw refused(`${SYNC_VARIABLE} is ${JSON.stringify(sync)}; unset it, or set it to every`);
  return parseEmbedded(url);
}

function parseEmbedded(url: string): StoreLocation {
  const rest = url.slice("rocksdb://".length);
  const question = rest.indexOf("?");
  const path = question === -1 ? rest : rest.slice(0, question);
  if (!url.toLowerCase().startsWith("rocksdb://") || !isAbsolute(path) || normalize(path) !== path || /[?#%\0]/.test(path) || path === "/")
    throw refused(`${JSON.stringify(url.slice(0, 200))}: a store is at rocksdb:// and a plain absolute path`);
  const settings = new URLSearchParams(question === -1 ? "" : rest.slice(question + 1));
  for (const [name, value] of settings)
    if (name !== "sync" || value !== "every") throw refused(`the setting ${name}=${value} is not sync=every, and no other is allowed`);
  return { kind: "embedded", path: path.replace(/\/+$/, ""), engineUrl: `rocksdb://${path.replace(/\/+$/, "")}?sync=every` };
}

function parseServer(url: string): StoreLocation {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.hostname === "") throw refused("the address of the server is not a URL");
  // Credentials in a URL end in logs and process lists.
  if (parsed.username !== "" || parsed.password !== "") throw refused("credentials do not belong into the address of the server");
  return { kind: "server", url };
}

function refused(message: string): TriplaneError {
  return new TriplaneError("store_engine_refused", message);
}
