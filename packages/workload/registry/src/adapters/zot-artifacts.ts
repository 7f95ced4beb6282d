// Artifacts in zot, over the distribution specification's HTTP API, with tokens that the gateway makes for itself.
import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { type Clock, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import type { ArtifactStore, Manifest } from "../crates/artifact-store.ts";
import { repositoryAccess, tokenForZot } from "../gateway/v2.ts";
import type { Action } from "../tokens/access.ts";
import type { Issuer } from "../tokens/registry-token.ts";

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const DEADLINE_MS = 60_000;

const descriptorSchema = z.object({ mediaType: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), size: z.int().min(0) });
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  mediaType: z.string(),
  artifactType: z.string(),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  annotations: z.record(z.string(), z.string()).default({}),
});
const tagsSchema = z.object({ tags: z.array(z.string()).nullable() });

export interface ZotArtifactsOptions {
  readonly url: string;
  readonly issuer: Issuer;
  readonly clock: Clock;
}

export function zotArtifacts(options: ZotArtifactsOptions): ArtifactStore {
  const { url, issuer, clock } = options;

  const ask = async (repository: string, path: string, init: RequestInit, ...actions: Action[]): Promise<Response> => {
    const headers = { ...init.headers, authorization: `Bearer ${tokenForZot(issuer, clock, [repositoryAccess(repository, ...actions)])}` };
    try {
      const target = path.startsWith("http") ? path : `${url}${path.startsWith("/") ? path : `/v2/${repository}/${path}`}`;
      return await fetch(target, { ...init, headers, redirect: "error", signal: AbortSignal.timeout(DEADLINE_MS) });
    } catch (cause) {
      throw new TriplaneError("unavailable", "zot does not answer", { cause });
    }
  };

  const pushBlob = async (repository: string, content: Uint8Array, digest: string): Promise<void> => {
    const begun = await ask(repository, "blobs/uploads/", { method: "POST" }, "pull", "push");
    await done(begun, 202, "an upload");
    const location = begun.headers.get("location");
    // Only a path, or an address of the same server: a token is sent there.
    const upload = location === null ? undefined : new URL(location, url);
    if (upload === undefined || upload.origin !== new URL(url).origin) throw failed("an upload", begun.status);
    upload.searchParams.set("digest", digest);
    const headers = { "content-type": "application/octet-stream" };
    await done(
      await ask(repository, upload.pathname + upload.search, { method: "PUT", headers, body: Buffer.from(content) }, "pull", "push"),
      201,
      "a blob",
    );
  };

  return {
    tags: async (repository) => {
      const response = await ask(repository, "tags/list", {}, "pull");
      if (response.status === 404) {
        await response.body?.cancel();
        return [];
      }
      return tagsSchema.parse(await json(response, "the list of tags")).tags ?? [];
    },
    manifest: async (repository, tag) => {
      const response = await ask(repository, `manifests/${tag}`, { headers: { accept: MANIFEST_TYPE } }, "pull");
      if (response.status === 404) {
        await response.body?.cancel();
        return undefined;
      }
      return manifestSchema.parse(await json(response, "a manifest")) as Manifest;
    },
    blob: async (repository, descriptor) => {
      const response = await ask(repository, `blobs/${descriptor.digest}`, {}, "pull");
      const bytes = await document(response, "a blob");
      if (digestOf(bytes) !== descriptor.digest) throw new TriplaneError("registry_backend", "zot gave another blob than was asked for");
      return bytes;
    },
    openBlob: async (repository, descriptor) => {
      const response = await ask(repository, `blobs/${descriptor.digest}`, {}, "pull");
      if (response.status !== 200 || response.body === null) throw await refused(response, "a blob");
      const checked = digestChecked(descriptor.digest);
      const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
      body.once("error", (error) => checked.destroy(error));
      checked.once("close", () => body.destroy());
      return body.pipe(checked);
    },
    putBlob: async (repository, mediaType, content) => {
      const digest = digestOf(content);
      const there = await ask(repository, `blobs/${digest}`, { method: "HEAD" }, "pull");
      if (there.status !== 200) await pushBlob(repository, content, digest);
      return { mediaType, digest, size: content.length };
    },
    putManifest: async (repository, tag, manifest) => {
      const init = { method: "PUT", headers: { "content-type": MANIFEST_TYPE }, body: JSON.stringify(manifest) };
      await done(await ask(repository, `manifests/${tag}`, init, "pull", "push"), 201, "a manifest");
    },
  };
}

async function done(response: Response, status: number, what: string): Promise<void> {
  if (response.status !== status) throw await refused(response, what);
  await response.body?.cancel();
}

async function json(response: Response, what: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await document(response, what)).toString("utf8"));
}

async function document(response: Response, what: string): Promise<Uint8Array> {
  if (response.status !== 200 || response.body === null) throw await refused(response, what);
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of response.body) {
    sizeBytes += part.length;
    if (sizeBytes > MAX_DOCUMENT_BYTES) throw new TriplaneError("registry_backend", `${what} is larger than ${MAX_DOCUMENT_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function refused(response: Response, what: string): Promise<TriplaneError> {
  await response.body?.cancel();
  return failed(what, response.status);
}

function failed(what: string, status: number): TriplaneError {
  return new TriplaneError("registry_backend", `zot answered ${status} for ${what}`);
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** Passes on what comes, and fails at the end where it is not what its name says. */
function digestChecked(digest: string): Transform {
  const hash = createHash("sha256");
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk);
      next(null, chunk);
    },
    flush(next) {
      const right = `sha256:${hash.digest("hex")}` === digest;
      next(right ? null : new TriplaneError("registry_backend", "zot gave another blob than was asked for"));
    },
  });
}
