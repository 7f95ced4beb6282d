// What one repository holds is not to be had through another one, in front of real registries: neither by a mount, nor by knowing a digest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nowSeconds } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { zotArtifacts } from "../adapters/zot-artifacts.ts";
import { BACKENDS, whyMissing } from "../testing/backends.ts";
import { type RegistryPlace, startRegistry } from "../testing/registry-place.ts";
import { issueRegistryAccess } from "../tokens/issue.ts";
import { signRegistryToken } from "../tokens/registry-token.ts";

const LEASE = `lease-${"a".repeat(32)}`;
const SECRET = Buffer.from("what only acme/secret may read");

type Asker = (
  method: string,
  path: string,
  init?: RequestInit,
) => Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }>;

function askerOf(url: string, token: string): Asker {
  return async (method, path, init = {}) => {
    const response = await fetch(`${url}${path}`, { ...init, method, headers: { ...init.headers, authorization: `Bearer ${token}` } });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

async function secretDigest(place: RegistryPlace): Promise<string> {
  const store = zotArtifacts({ url: place.backend.url, issuer: place.issuer, clock: systemClock });
  return (await store.putBlob("images/acme/secret", "text/plain", SECRET)).digest;
}

function runnerToken(place: RegistryPlace, repo = "acme/api"): string {
  const nowS = nowSeconds(systemClock);
  place.leases.add(LEASE);
  return issueRegistryAccess(place.issuer, { leaseId: LEASE, repo, nowS, expiresAtS: nowS + 60 }).token;
}

for (const backend of BACKENDS) {
  test(`peer http, ${backend}: a blob of another repository can be neither mounted nor found by its digest`, {
    timeout: 120_000,
  }, async (context) => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    await using place = await startRegistry(backend);
    const digest = await secretDigest(place);
    const ask = askerOf(place.origin, runnerToken(place));
    const uploads = "/v2/images/acme/api/blobs/uploads/";
    assert.equal((await ask("POST", `${uploads}?mount=${digest}&from=images/acme/secret`)).status, 401);
    assert.equal((await ask("POST", `${uploads}?mount=${digest}&from=cache/acme/api&from=images/acme/secret`)).status, 401);
    assert.equal((await ask("POST", `${uploads}?mount=${digest}&from=images%2Facme%2Fsecret`)).status, 401);
    assert.equal((await ask("HEAD", `/v2/images/acme/api/blobs/${digest}`)).status, 404);
    assert.equal((await ask("GET", `/v2/images/acme/api/blobs/${digest}`)).status, 404);
    // Without `from` the registry may look anywhere; it has to ask for the bytes.
    assert.equal((await ask("POST", `${uploads}?mount=${digest}`)).status, 202);
    assert.equal((await ask("GET", `/v2/images/acme/api/blobs/${digest}`)).status, 404);
    // From a repository that the token may read, a mount is allowed (whether it is done is up to the registry).
    assert.ok([201, 202].includes((await ask("POST", `${uploads}?mount=${digest}&from=cache/acme/api`)).status));
  });

  test(`peer http, ${backend}: what is no request of the specification does not pass`, { timeout: 120_000 }, async (context) => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    await using place = await startRegistry(backend);
    const digest = await secretDigest(place);
    const ask = askerOf(place.origin, runnerToken(place));
    for (const path of [
      "/v2/_catalog",
      "/v2/_zot/ext/mgmt",
      "/v2/images/acme/api/../secret/manifests/latest",
      "/v2/images%2Facme%2Fapi/tags/list",
      `/v2/images/acme/api//blobs/${digest}`,
      "/v2/images/acme/api/manifests/..",
      "/v2/elsewhere/acme/api/tags/list",
      "/v2/crates/serde/tags/list",
    ]) {
      // fetch resolves `..` itself; either way nothing is served.
      assert.ok([401, 404].includes((await ask("GET", path)).status), path);
    }
    assert.equal((await ask("PROPFIND", "/v2/images/acme/api/tags/list")).status, 404);
  });

  test(`peer http, ${backend}: a token dies with its lease at once`, {
    timeout: 120_000,
  }, async (context) => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    await using place = await startRegistry(backend);
    const token = runnerToken(place);
    const ask = askerOf(place.origin, token);
    assert.equal((await ask("GET", "/v2/")).status, 200);
    place.leases.delete(LEASE);
    const refused = await ask("GET", "/v2/");
    assert.equal(refused.status, 401);
    assert.match(
      refused.headers.get("www-authenticate") ?? "",
      /^Bearer realm="http:\/\/127\.0\.0\.1:\d+\/token",service="127\.0\.0\.1:\d+"$/,
    );
    const basic = { authorization: `Basic ${Buffer.from(`${LEASE}:${token}`).toString("base64")}` };
    const asked = await fetch(`${place.origin}/token?service=${place.registry}&scope=repository:images/acme/api:pull`, { headers: basic });
    assert.equal(asked.status, 401);
    assert.match(await asked.text(), /is over/);
    // Straight at the registry behind, the token's form is right as well: this is what a cluster without the gateway would send.
    const nowS = nowSeconds(systemClock);
    const access = [{ type: "repository", name: "images/acme/api", actions: ["pull", "push"] }] as const;
    const direct = signRegistryToken(place.issuer, {
      subject: "direct",
      access: access.map((each) => ({ ...each, actions: [...each.actions] })),
      nowS,
      expiresAtS: nowS + 60,
    });
    assert.equal((await askerOf(place.backend.url, direct)("POST", "/v2/images/acme/api/blobs/uploads/")).status, 202);
    assert.equal((await askerOf(place.backend.url, direct)("POST", "/v2/images/acme/other/blobs/uploads/")).status, 401);
    assert.equal((await askerOf(place.backend.url, direct)("DELETE", `/v2/images/acme/api/manifests/latest`)).status, 401);
  });
}
