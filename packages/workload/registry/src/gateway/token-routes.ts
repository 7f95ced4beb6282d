// /token: the token protocol of the distribution specification (GET with Basic) and its OAuth form (POST), which BuildKit tries first.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Authenticated, Authenticator } from "../tokens/authenticator.ts";
import { answerTokenRequest, type TokenEndpointParts } from "../tokens/token-endpoint.ts";

const MAX_FORM_BYTES = 32 * 1024;

export interface TokenRouteParts extends TokenEndpointParts {
  readonly authenticator: Authenticator;
  counted(outcome: "issued" | "refused"): void;
}

export function addTokenRoutes(app: Hono, parts: TokenRouteParts): void {
  app.get("/token", async (context) => {
    const service = context.req.query("service");
    const scopes = context.req.queries("scope") ?? [];
    return await answer(context, parts, () => parts.authenticator.basic(context.req.header("authorization")), { service, scopes });
  });
  app.post(
    "/token",
    bodyLimit({
      maxSize: MAX_FORM_BYTES,
      onError: () => {
        throw new TriplaneError("body_too_large", `the form is larger than ${MAX_FORM_BYTES} bytes`);
      },
    }),
    async (context) => {
      const form = new URLSearchParams(await context.req.text());
      if (form.get("grant_type") !== "password") return context.json({ error: "unsupported_grant_type" }, 400);
      const asked = { service: form.get("service") ?? undefined, scopes: form.getAll("scope") };
      const who = (): Promise<Authenticated> => parts.authenticator.password(form.get("username") ?? "", form.get("password") ?? "");
      return await answer(context, parts, who, asked);
    },
  );
}

async function answer(
  context: Context,
  parts: TokenRouteParts,
  authenticate: () => Promise<Authenticated>,
  asked: { readonly service: string | undefined; readonly scopes: readonly string[] },
): Promise<Response> {
  try {
    const given = answerTokenRequest(parts, await authenticate(), asked);
    parts.counted("issued");
    return context.json(given, 200, { "cache-control": "no-store" });
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code !== "internal") parts.counted("refused");
    if (error.code === "unauthorized") context.header("www-authenticate", `Basic realm="${parts.issuer.registry}"`);
    throw error;
  }
}
