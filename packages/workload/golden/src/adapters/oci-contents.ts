// Lists of contents as OCI artifacts, pushed through the registry's gateway with the secret of a `golden-builder`.
// (OCI distribution specification 1.1: blobs, then the manifest that names them.)
//
// 1. The secret goes to the token endpoint of the origin that was given and nowhere else: no redirect is followed, no challenge obeyed.
import { createHash } from "node:crypto";
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";
import type { ContentsRegistry } from "../contents/shelf.ts";

export interface OciContentsOptions {
  /** `https://registry.example`; plain http only on this machine. */
  readonly origin: string;
  /** Name and secret of a long-lived credential. */
  readonly user: string;
  readonly secret: string;
  readonly providerName: string;
}

export const SPDX_TYPE = "application/spdx+json";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
const DEADLINE_MS = 60_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const tokenSchema = z.object({ token: z.string().regex(/^[\x21-\x7e]{1,16384}$/) });

/** Throws `config_invalid` for an origin to which a secret would go in the clear. */
export function ociContents(options: OciContentsOptions): ContentsRegistry {
  const origin = checkedOrigin(options.origin);
  const repository = `golden/${options.providerName}`;
  const name = `${origin.host}/${repository}`;

  const ask = async (path: string, init: RequestInit, signal: AbortSignal): Promise<Response> => {
    const target = new URL(path, origin);
    // An upload goes where the registry says, as long as that is the registry.
    if (target.origin !== origin.origin) throw failed(`${origin.host} sends an upload to ${target.host}`);
    try {
      return await fetch(target, { ...init, redirect: "error", signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]) });
    } catch (cause) {
      throw failed(`${origin.host} does not answer: ${cause instanceof Error ? cause.message : cause}`, cause);
    }
  };
  const withToken = async (signal: AbortSignal) => {
    const query = new URLSearchParams({ service: origin.host, scope: `repository:${repository}:pull,push` });
    const basic = Buffer.from(`${options.user}:${options.secret}`).toString("base64");
    const answer = await ask(`/token?${query}`, { headers: { authorization: `Basic ${basic}` } }, signal);
    const body = await bodyOf(answer, 200, `a token for ${options.user}`);
    const parsed = tokenSchema.safeParse(json(body));
    if (!parsed.success) throw failed(`${origin.host} gives no token`);
    const authorization = `Bearer ${parsed.data.token}`;
    return (path: string, init: RequestInit = {}): Promise<Response> =>
      ask(path, { ...init, headers: { ...init.headers, authorization } }, signal);
  };
  type Ask = Awaited<ReturnType<typeof withToken>>;

  const manifest = async (call: Ask, tag: string): Promise<Buffer | undefined> => {
    const answer = await call(`/v2/${repository}/manifests/${tag}`, { headers: { accept: MANIFEST_TYPE } });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    return await bodyOf(answer, 200, `${name}:${tag}`);
  };
  const putManifest = async (call: Ask, tag: string, body: Buffer): Promise<string> => {
    const init = { method: "PUT", headers: { "content-type": MANIFEST_TYPE }, body };
    const answer = await call(`/v2/${repository}/manifests/${tag}`, init);
    await bodyOf(answer, 201, `${name}:${tag}`);
    return digestOf(body);
  };
  const putBlob = async (call: Ask, content: Buffer): Promise<string> => {
    const digest = digestOf(content);
    const there = await call(`/v2/${repository}/blobs/${digest}`, { method: "HEAD" });
    await there.body?.cancel();
    if (there.status === 200) return digest;
    const begun = await call(`/v2/${repository}/blobs/uploads/`, { method: "POST" });
    const location = begun.headers.get("location");
    await bodyOf(begun, 202, "an upload");
    if (location === null) throw failed(`${origin.host} does not say where to upload`);
    const upload = new URL(location, origin);
    upload.searchParams.set("digest", digest);
    const init = { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: content };
    await bodyOf(await call(upload.href, init), 201, "a blob");
    return digest;
  };

  return {
    name,
    push: async (version, document, { imageId, createdAtS }, signal) => {
      const call = await withToken(signal);
      const [empty, layer] = [Buffer.from("{}"), Buffer.from(document)];
      const body = {
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        artifactType: SPDX_TYPE,
        config: { mediaType: EMPTY_TYPE, digest: await putBlob(call, empty), size: empty.length },
        layers: [
          {
            ...{ mediaType: SPDX_TYPE, digest: await putBlob(call, layer), size: layer.length },
            annotations: { "org.opencontainers.image.title": "sbom.spdx.json" },
          },
        ],
        annotations: {
          "org.opencontainers.image.created": new Date(createdAtS * 1000).toISOString(),
          "org.opencontainers.image.version": version,
          "vnd.triplane.golden.image": imageId,
        },
      };
      return await putManifest(call, version, Buffer.from(JSON.stringify(body)));
    },
    find: async (tag, signal) => {
      const body = await manifest(await withToken(signal), tag);
      return body === undefined ? undefined : digestOf(body);
    },
    tag: async (version, tag, signal) => {
      const call = await withToken(signal);
      const body = await manifest(call, version);
      if (body === undefined) throw failed(`${name}:${version} is not there`);
      await putManifest(call, tag, body);
    },
  };
}

function checkedOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === "http:" && /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  if (url === undefined || !(url.protocol === "https:" || plain) || url.username !== "" || url.pathname !== "/" || url.search !== "")
    throw new TriplaneError("config_invalid", "the registry must be an https origin, or http on this machine: https://registry.example");
  return url;
}

/** The whole answer where it has the status that it should have; bounded. */
async function bodyOf(answer: Response, status: number, what: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of answer.body ?? []) {
    sizeBytes += part.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw failed(`the registry answered more than ${MAX_ANSWER_BYTES} bytes for ${what}`);
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  if (answer.status === status) return body;
  const said = /"message":"([^"]{1,200})"/.exec(body.toString("utf8"))?.[1];
  throw failed(`the registry answered ${answer.status} for ${what}${said === undefined ? "" : `: ${said}`}`);
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function failed(message: string, cause?: unknown): TriplaneError {
  return new TriplaneError("golden_contents", message, { cause });
}
