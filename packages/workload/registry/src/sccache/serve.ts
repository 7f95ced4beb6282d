// /sccache/<repository>/…: the part of WebDAV (RFC 4918) that sccache uses. Objects are read and written; folders are a manner of speaking.
//
// 1. A build reads and writes below its own repository only: whoever could write elsewhere could put code into other people's builds.
// 2. Nothing is listed. A folder always exists, because it says nothing about what is in it.
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TriplaneError } from "@triplane/contract";
import type { Action } from "../tokens/access.ts";
import type { Authenticator } from "../tokens/authenticator.ts";
import { readSccacheAddress } from "./key.ts";
import type { ObjectStore } from "./object-store.ts";

export const SCCACHE_PATH = "/sccache/";
const METHODS = "GET, HEAD, PUT, PROPFIND, MKCOL, OPTIONS";
const ACTIONS: Readonly<Record<string, Action>> = { GET: "pull", HEAD: "pull", PROPFIND: "pull", MKCOL: "push", PUT: "push" };
const MAX_PROPFIND_BYTES = 64 * 1024;

export interface SccacheParts {
  readonly authenticator: Authenticator;
  readonly store: ObjectStore;
  counted(outcome: "hit" | "miss" | "written"): void;
}

/** Answers a request below /sccache/ and gives its status. Throws `unauthorized`, `forbidden`, `not_found`, `body_too_large`. */
export async function serveSccache(parts: SccacheParts, incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> {
  const path = (incoming.url ?? "").slice(SCCACHE_PATH.length);
  const method = incoming.method ?? "GET";
  const { principal } = await parts.authenticator.tokenOrSecret(incoming.headers.authorization);
  if (method === "OPTIONS") return end(outgoing, 200, { allow: METHODS, dav: "1" });
  const action = Object.hasOwn(ACTIONS, method) ? ACTIONS[method] : undefined;
  if (action === undefined) return end(outgoing, 405, { allow: METHODS });
  const address = readSccacheAddress(path);
  if (address.kind === "unknown") throw new TriplaneError("not_found", "no object of sccache has such a name");
  if (address.kind === "folder") return serveFolder(method, path, incoming, outgoing);
  const { repository, key } = address;
  if (!principal.allows("sccache", repository, action)) {
    throw new TriplaneError("forbidden", `${principal.name} has no right to ${action} compiled objects of ${repository}`);
  }
  if (method === "PUT") {
    await parts.store.write(repository, key, bodyOf(incoming));
    parts.counted("written");
    return end(outgoing, 201);
  }
  if (method === "MKCOL") return end(outgoing, 405, { allow: METHODS });
  const found = await parts.store.read(repository, key);
  if (found === undefined) {
    if (method === "GET") parts.counted("miss");
    throw new TriplaneError("not_found", "there is no such object");
  }
  try {
    const headers = { "last-modified": new Date(found.writtenAtMs).toUTCString(), "content-type": "application/octet-stream" };
    if (method === "PROPFIND") {
      drain(incoming);
      return endXml(outgoing, properties(incoming.url ?? "", { sizeBytes: found.sizeBytes, lastModified: headers["last-modified"] }));
    }
    outgoing.writeHead(200, { ...headers, "content-length": found.sizeBytes });
    if (method === "HEAD") outgoing.end();
    else {
      parts.counted("hit");
      await pipeline(found.file.createReadStream({ autoClose: false, end: Math.max(0, found.sizeBytes - 1) }), outgoing).catch(() =>
        outgoing.destroy(),
      );
    }
    return 200;
  } finally {
    await found.file.close();
  }
}

function serveFolder(method: string, path: string, incoming: IncomingMessage, outgoing: ServerResponse): number {
  drain(incoming);
  if (method === "MKCOL") return end(outgoing, 405, { allow: METHODS });
  if (method !== "PROPFIND") throw new TriplaneError("not_found", "this is a folder");
  if (incoming.headers.depth !== "0") throw new TriplaneError("forbidden", "folders are not listed");
  return endXml(outgoing, properties(`${SCCACHE_PATH}${path}`));
}

/** One answer of RFC 4918 section 14.24. The address holds only what `readSccacheAddress` let through, nothing that XML escapes. */
function properties(href: string, file?: { readonly sizeBytes: number; readonly lastModified: string }): string {
  const props =
    file === undefined
      ? `<d:resourcetype><d:collection/></d:resourcetype><d:getlastmodified>${new Date(0).toUTCString()}</d:getlastmodified>`
      : `<d:resourcetype/><d:getcontentlength>${file.sizeBytes}</d:getcontentlength><d:getlastmodified>${file.lastModified}</d:getlastmodified>`;
  const status = "<d:status>HTTP/1.1 200 OK</d:status>";
  const response = `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${props}</d:prop>${status}</d:propstat></d:response>`;
  return `<?xml version="1.0" encoding="utf-8"?>\n<d:multistatus xmlns:d="DAV:">${response}</d:multistatus>\n`;
}

/** The body as a stream of its own, so that a failure behind it leaves the connection open for the answer. */
function bodyOf(incoming: IncomingMessage): PassThrough {
  const body = new PassThrough();
  incoming.once("close", () => {
    if (!incoming.complete) body.destroy(new TriplaneError("request_invalid", "the request broke off"));
  });
  return incoming.pipe(body);
}

/** Reads a small body away; a large one ends the connection. */
function drain(incoming: IncomingMessage): void {
  let sizeBytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_PROPFIND_BYTES) incoming.destroy();
  });
}

function end(outgoing: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): number {
  outgoing.writeHead(status, { ...headers, "content-length": "0" });
  outgoing.end();
  return status;
}

function endXml(outgoing: ServerResponse, xml: string): number {
  outgoing.writeHead(207, { "content-type": "application/xml; charset=utf-8", "content-length": Buffer.byteLength(xml) });
  outgoing.end(xml);
  return 207;
}
