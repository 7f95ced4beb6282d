// /crates/…: cargo's sparse index, its downloads and its web API (cargo's reference, "Registries"). Everything wants a token.
import { Readable } from "node:stream";
import { FAILURES, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Action, ALL_CRATES } from "../tokens/access.ts";
import type { Authenticator } from "../tokens/authenticator.ts";
import type { CrateRegistry } from "./crate-registry.ts";
import { indexPath, isCrateName, isVersion } from "./names.ts";
import { readPublishBody } from "./publish-body.ts";

export interface CrateRouteParts {
  readonly authenticator: Authenticator;
  readonly crates: CrateRegistry;
  /** `https://registry.example`, without a slash at the end. */
  readonly origin: string;
  readonly maxCrateBytes: number;
  counted(what: "published" | "yanked" | "downloaded"): void;
}

export function addCrateRoutes(app: Hono, parts: CrateRouteParts): void {
  const { authenticator, crates, origin } = parts;
  const allow = async (context: Context, action: Action): Promise<void> => {
    const { principal } = await authenticator.tokenOrSecret(context.req.header("authorization"));
    if (!principal.allows("crates", ALL_CRATES, action))
      throw new TriplaneError("forbidden", `${principal.name} has no right to ${action} crates`);
  };

  app.get("/crates/index/config.json", async (context) => {
    await allow(context, "pull");
    return context.json({ dl: `${origin}/crates/dl/{crate}/{version}/download`, api: `${origin}/crates`, "auth-required": true });
  });

  app.get("/crates/index/*", async (context) => {
    await allow(context, "pull");
    const path = context.req.path.slice("/crates/index/".length);
    const name = path.slice(path.lastIndexOf("/") + 1);
    const file = isCrateName(name) && indexPath(name) === path ? await crates.index(name) : undefined;
    if (file === undefined) throw new TriplaneError("not_found", "there is no such crate");
    const headers = { etag: file.etag, "cache-control": "private, max-age=0, must-revalidate" };
    if (matches(context.req.header("if-none-match"), file.etag)) return context.body(null, 304, headers);
    return context.text(file.text, 200, headers);
  });

  app.get("/crates/dl/:crate/:version/download", async (context) => {
    await allow(context, "pull");
    const { content, sizeBytes } = await crates.download(...version(context));
    parts.counted("downloaded");
    const headers = { "content-type": "application/gzip", "content-length": String(sizeBytes) };
    return context.body(Readable.toWeb(content) as ReadableStream, 200, headers);
  });

  app.put(
    "/crates/api/v1/crates/new",
    async (context, next) => {
      await allow(context, "push");
      await next();
    },
    bodyLimit({
      maxSize: parts.maxCrateBytes,
      onError: () => {
        throw new TriplaneError("body_too_large", `what is published is larger than ${parts.maxCrateBytes} bytes`);
      },
    }),
    async (context) => {
      await crates.publish(readPublishBody(new Uint8Array(await context.req.arrayBuffer())));
      parts.counted("published");
      return context.json({ warnings: { invalid_categories: [], invalid_badges: [], other: [] } });
    },
  );

  const yank = (yanked: boolean) => async (context: Context) => {
    await allow(context, "push");
    await crates.setYanked(...version(context), yanked);
    parts.counted("yanked");
    return context.json({ ok: true });
  };
  app.delete("/crates/api/v1/crates/:crate/:version/yank", yank(true));
  app.put("/crates/api/v1/crates/:crate/:version/unyank", yank(false));
}

/** The answer to a failure, as cargo reads it. */
export function crateFailure(context: Context, thrown: unknown, origin: string): Response {
  const error = toTriplaneError(thrown);
  const detail = error.code === "internal" ? FAILURES.internal.what : `${error.message} (${error.hint})`;
  if (error.code === "unauthorized") context.header("www-authenticate", `Cargo login_url="${origin}/token"`);
  return context.json({ errors: [{ detail }] }, FAILURES[error.code].httpStatus as ContentfulStatusCode);
}

function version(context: Context): [string, string] {
  const name = context.req.param("crate") ?? "";
  const vers = context.req.param("version") ?? "";
  if (!isCrateName(name) || !isVersion(vers)) throw new TriplaneError("not_found", "there is no such crate");
  return [name, vers];
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim() === etag || each.trim() === `W/${etag}` || each.trim() === "*");
}
