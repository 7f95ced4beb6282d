import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey, signToken, TriplaneError } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { manualClock } from "@triplane/testkit";
import { type Access, granted, isOciRepository, isRepositoryName, principalOfAccess, principalOfGrants } from "./access.ts";
import { Authenticator } from "./authenticator.ts";
import { Credentials, newSecret, renderCredentials, withCredential, withoutCredential } from "./credentials.ts";
import { issueRegistryAccess } from "./issue.ts";
import { rememberingLeases } from "./leases.ts";
import { type Issuer, signRegistryToken, verifyRegistryToken } from "./registry-token.ts";
import { ROLES } from "./roles.ts";
import { parseScopes } from "./scope.ts";
import { answerTokenRequest } from "./token-endpoint.ts";

const NOW_S = 1_767_000_000;
const LEASE = `lease-${"1".repeat(32)}`;
const issuer: Issuer = { key: generateSigningKey(), previousKeys: [], issuer: "triplane", registry: "registry.example" };
const ACCESS: Access[] = [{ type: "repository", name: "images/acme/api", actions: ["pull", "push"] }];

const signed = (more: Partial<Parameters<typeof signRegistryToken>[1]> = {}, by: Issuer = issuer): string =>
  signRegistryToken(by, { subject: "ana", access: ACCESS, nowS: NOW_S, expiresAtS: NOW_S + 60, ...more });

test("names: only the specification's repositories, below the three namespaces that clients reach", () => {
  for (const name of ["images/acme/api", "cache/a", "golden/base.1/x-y__z"]) assert.ok(isOciRepository(name), name);
  const wrong = [
    "images",
    "images/",
    "/images/a",
    "images//a",
    "images/A",
    "images/../golden/x",
    "images/a/",
    "images/a%2fb",
    "elsewhere/a",
    "crates/serde",
    "",
  ];
  for (const name of [...wrong, "images/a\n", `images/${"a".repeat(300)}`, "images/a..b", "images/.a"])
    assert.ok(!isOciRepository(name), JSON.stringify(name));
  assert.ok(!isRepositoryName("a:b"));
});

test("parseScopes: several at once, unknown types and actions left out, what is no scope refused", () => {
  assert.deepEqual(parseScopes(["repository:images/a:pull,push repository:images/b:pull", "repository:cache/a:*"]), [
    { type: "repository", name: "images/a", actions: ["pull", "push"] },
    { type: "repository", name: "images/b", actions: ["pull"] },
    { type: "repository", name: "cache/a", actions: ["pull", "push", "delete"] },
  ]);
  assert.deepEqual(parseScopes(["registry:catalog:*", "repository(plugin):images/a:pull", ""]), []);
  assert.deepEqual(parseScopes(["repository:images/a:shout,pull"]), [{ type: "repository", name: "images/a", actions: ["pull"] }]);
  for (const scope of ["repository", "repository:a", ":a:pull", `repository:${"a".repeat(500)}:pull`]) {
    assert.throws(() => parseScopes([scope]), { code: "request_invalid" });
  }
  assert.throws(() => parseScopes(Array.from({ length: 17 }, () => "repository:images/a:pull")), { code: "request_invalid" });
});

test("granted: no role gives more than it says, and none gives a repository that clients do not reach", () => {
  const woodpecker = principalOfGrants("woodpecker", ROLES.woodpecker);
  const everything = parseScopes([
    "repository:images/a:* repository:cache/a/b:* repository:golden/a:* repository:crates/a:* repository:imagesx/a:*",
  ]);
  assert.deepEqual(granted(woodpecker, everything), [
    { type: "repository", name: "images/a", actions: ["pull", "push"] },
    { type: "repository", name: "cache/a/b", actions: ["pull", "push"] },
  ]);
  for (const type of ["sccache", "crates"] as const) assert.ok(!woodpecker.allows(type, "registry", "pull"));
  const all = principalOfGrants("all", [{ type: "repository", prefix: "", actions: ["pull"] }]);
  assert.deepEqual(granted(all, parseScopes(["repository:crates/serde:pull", "repository:other:pull"])), []);
});

test("a token verifies with its claims, and every other one is unauthorized", () => {
  const claims = verifyRegistryToken(issuer, signed({ lease: LEASE }), NOW_S);
  assert.deepEqual([claims.sub, claims.lease, claims.aud, claims.access], ["ana", LEASE, "registry.example", ACCESS]);
  const stranger: Issuer = { ...issuer, key: generateSigningKey() };
  const good = signed();
  const other = { ...ACCESS[0], name: "images/acme/other" };
  const forged = [
    good.split(".")[0],
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(good.split(".")[1] ?? "", "base64url").toString()), access: [other] })).toString(
      "base64url",
    ),
    good.split(".")[2],
  ].join(".");
  const wrong: Readonly<Record<string, string>> = {
    "another key": signed({}, stranger),
    "another issuer": signed({}, { ...issuer, issuer: "elsewhere" }),
    "another registry": signed({}, { ...issuer, registry: "elsewhere.example" }),
    expired: signed({ expiresAtS: NOW_S }),
    "from the future": signed({ nowS: NOW_S + 120, expiresAtS: NOW_S + 600 }),
    "other claims under the same signature": forged,
    "another kind": signToken("approval+jwt", { iss: "triplane" }, issuer.key),
    "a member too many": signToken(
      "registry+jwt",
      { iss: "triplane", aud: "registry.example", sub: "a", iat: 0, exp: NOW_S + 9, access: [], admin: true },
      issuer.key,
    ),
    "a repository with a way out": signToken(
      "registry+jwt",
      {
        iss: "triplane",
        aud: "registry.example",
        sub: "a",
        iat: 0,
        exp: NOW_S + 9,
        access: [{ type: "repository", name: "images/../golden/x", actions: ["pull"] }],
      },
      issuer.key,
    ),
    "no token": "a.b.c",
    "no signature": `${good.split(".").slice(0, 2).join(".")}.`,
  };
  for (const [what, token] of Object.entries(wrong))
    assert.throws(() => verifyRegistryToken(issuer, token, NOW_S), { code: "unauthorized" }, what);
});

test("rotation: the old key's tokens count while it is in the ring, and it signs no new ones", () => {
  const old = signed();
  const next: Issuer = { ...issuer, key: generateSigningKey(), previousKeys: [issuer.key.did] };
  assert.equal(verifyRegistryToken(next, old, NOW_S).sub, "ana");
  const fresh = signed({}, next);
  assert.equal(verifyRegistryToken(next, fresh, NOW_S).sub, "ana");
  assert.throws(() => verifyRegistryToken(issuer, fresh, NOW_S), { code: "unauthorized" });
  assert.throws(() => verifyRegistryToken({ ...next, previousKeys: [] }, old, NOW_S), { code: "unauthorized" });
});

test("issueRegistryAccess: exactly the build's repositories, until exactly the lease's end", () => {
  const access = issueRegistryAccess(issuer, {
    leaseId: LEASE,
    repo: "acme/api",
    nowS: NOW_S,
    expiresAtS: NOW_S + 900,
    mayPull: ["images/acme/base", "images/acme/api"],
  });
  assert.deepEqual(access.repositories, ["images/acme/api", "cache/acme/api", "images/acme/base"]);
  assert.deepEqual([access.registry, access.expires_at], ["registry.example", NOW_S + 900]);
  const claims = verifyRegistryToken(issuer, access.token, NOW_S + 899);
  assert.throws(() => verifyRegistryToken(issuer, access.token, NOW_S + 900), { code: "unauthorized" });
  const runner = principalOfAccess(claims.sub, claims.access);
  assert.ok(runner.allows("repository", "images/acme/api", "push") && !runner.allows("repository", "images/acme/api", "delete"));
  assert.ok(runner.allows("repository", "images/acme/base", "pull") && !runner.allows("repository", "images/acme/base", "push"));
  assert.ok(!runner.allows("repository", "images/acme/api/sub", "pull") && !runner.allows("repository", "golden/acme/api", "pull"));
  assert.ok(runner.allows("sccache", "acme/api", "push") && !runner.allows("sccache", "acme/other", "pull"));
  assert.ok(runner.allows("crates", "registry", "pull") && !runner.allows("crates", "registry", "push"));
  for (const repo of ["../golden", "Acme/api", "acme/api:1", ""]) {
    assert.throws(() => issueRegistryAccess(issuer, { leaseId: LEASE, repo, nowS: NOW_S, expiresAtS: NOW_S + 1 }), {
      code: "request_invalid",
    });
  }
  assert.throws(() => issueRegistryAccess(issuer, { leaseId: LEASE, repo: "acme/api", nowS: NOW_S, expiresAtS: NOW_S }), {
    code: "request_invalid",
  });
});

test("Credentials: the file holds digests only, a name and a secret belong together, and a wrong file is config_invalid", () => {
  const [a, b] = [newSecret(systemRandom), newSecret(systemRandom)];
  const text = renderCredentials([
    { name: "ci", role: "woodpecker", secret: a },
    { name: "prod", role: "deployer", secret: b },
  ]);
  assert.ok(!text.includes(a) && !text.includes(b));
  const credentials = Credentials.parse(text, "credentials.json");
  assert.equal(credentials.find(a, "ci").name, "ci");
  assert.equal(credentials.find(b).name, "prod");
  for (const [secret, name] of [
    [a, "prod"],
    [newSecret(systemRandom), "ci"],
    ["", "ci"],
  ] as const) {
    assert.throws(() => credentials.find(secret, name), { code: "unauthorized" });
  }
  for (const wrong of ["", "{}", text.replace("woodpecker", "root"), text.replace('"sha256"', '"secret"')]) {
    assert.throws(() => Credentials.parse(wrong, "c"), { code: "config_invalid" });
  }
});

test("withCredential: adds one, replaces one of the same name, and takes one out", () => {
  const [a, b] = [newSecret(systemRandom), newSecret(systemRandom)];
  const one = withCredential(undefined, "c", { name: "ci", role: "woodpecker", secret: a });
  const two = withCredential(one, "c", { name: "prod", role: "deployer", secret: b });
  const replaced = withCredential(two, "c", { name: "ci", role: "pool", secret: newSecret(systemRandom) });
  assert.equal(Credentials.parse(two, "c").find(a, "ci").name, "ci");
  assert.throws(() => Credentials.parse(replaced, "c").find(a), { code: "unauthorized" });
  assert.equal(Credentials.parse(replaced, "c").find(b).name, "prod");
  assert.throws(() => Credentials.parse(withoutCredential(two, "c", "prod") ?? "", "c").find(b), { code: "unauthorized" });
  assert.equal(withoutCredential(two, "c", "nobody"), undefined);
  assert.throws(() => withCredential("{}", "c", { name: "ci", role: "pool", secret: a }), { code: "config_invalid" });
});

function parts(stands: (lease: string) => Promise<boolean>) {
  const clock = manualClock(NOW_S * 1000);
  const secret = newSecret(systemRandom);
  const credentials = Credentials.parse(renderCredentials([{ name: "ci", role: "woodpecker", secret }]), "c");
  return { clock, secret, authenticator: new Authenticator({ issuer, credentials, clock, leaseStands: stands }) };
}

test("token endpoint: a credential becomes a token of minutes with what it may; it says when it ends", async () => {
  const { authenticator, clock, secret } = parts(async () => true);
  const who = await authenticator.password("ci", secret);
  const asked = { service: "registry.example", scopes: ["repository:images/a:pull,push,delete", "repository:golden/a:pull"] };
  const answer = answerTokenRequest({ issuer, clock, lifetimeS: 300 }, who, asked);
  assert.equal(answer.expires_in, 300);
  assert.equal(answer.access_token, answer.token);
  assert.equal(answer.issued_at, new Date(NOW_S * 1000).toISOString());
  const claims = verifyRegistryToken(issuer, answer.token, NOW_S);
  assert.deepEqual(claims.access, [{ type: "repository", name: "images/a", actions: ["pull", "push"] }]);
  assert.throws(() => answerTokenRequest({ issuer, clock, lifetimeS: 300 }, who, { ...asked, service: "elsewhere" }), {
    code: "request_invalid",
  });
});

test("token endpoint: a runner's token becomes no longer and no wider one, and none once its lease is gone", async () => {
  let stands = true;
  const { authenticator, clock } = parts(async () => stands);
  const { token } = issueRegistryAccess(issuer, { leaseId: LEASE, repo: "acme/api", nowS: NOW_S, expiresAtS: NOW_S + 100 });
  const who = await authenticator.password(LEASE, token);
  const asked = { service: undefined, scopes: ["repository:images/acme/api:pull,push,delete", "repository:images/acme/other:pull"] };
  const answer = answerTokenRequest({ issuer, clock, lifetimeS: 300 }, who, asked);
  assert.equal(answer.expires_in, 100);
  const claims = verifyRegistryToken(issuer, answer.token, NOW_S);
  assert.deepEqual([claims.lease, claims.access], [LEASE, [{ type: "repository", name: "images/acme/api", actions: ["pull", "push"] }]]);
  await assert.rejects(authenticator.password("another", token), { code: "unauthorized" });
  stands = false;
  await assert.rejects(authenticator.password(LEASE, token), { code: "unauthorized", message: /is over/ });
  await assert.rejects(authenticator.bearer(`Bearer ${answer.token}`), { code: "unauthorized", message: /is over/ });
});

test("authenticator: a token of the endpoint is no password for another one, and a secret is no registry token", async () => {
  const { authenticator, clock, secret } = parts(async () => true);
  const answer = answerTokenRequest({ issuer, clock, lifetimeS: 300 }, await authenticator.password("ci", secret), {
    service: undefined,
    scopes: [],
  });
  await assert.rejects(authenticator.password("ci", answer.token), { code: "unauthorized" });
  await assert.rejects(authenticator.bearer(`Bearer ${secret}`), { code: "unauthorized" });
  assert.equal((await authenticator.tokenOrSecret(secret)).principal.name, "ci");
  assert.equal((await authenticator.tokenOrSecret(`Bearer ${secret}`)).principal.name, "ci");
  for (const header of [undefined, "", "Basic", "Bearer", "Basic !!!", `Basic ${Buffer.from("no-colon").toString("base64")}`]) {
    await assert.rejects(authenticator.basic(header), { code: "unauthorized" });
    await assert.rejects(authenticator.bearer(header), { code: "unauthorized" });
    await assert.rejects(authenticator.tokenOrSecret(header), { code: "unauthorized" });
  }
});

test("no-fail-open: where nobody can say whether the lease stands, its token does not count", async () => {
  const { authenticator } = parts(async () => {
    throw new TriplaneError("unavailable", "the pool does not answer");
  });
  await assert.rejects(authenticator.bearer(`Bearer ${signed({ lease: LEASE })}`), { code: "unavailable" });
});

test("rememberingLeases: standing is believed for a moment, gone for ever, a failure not at all; many who ask at once are one question", async () => {
  const clock = manualClock();
  let asked = 0;
  let answer: boolean | Error = true;
  const stands = rememberingLeases(
    async () => {
      asked += 1;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    { clock, believedMs: 5_000 },
  );
  assert.deepEqual(await Promise.all([stands(LEASE), stands(LEASE), stands(LEASE)]), [true, true, true]);
  clock.advance(4_999);
  assert.equal(await stands(LEASE), true);
  assert.equal(asked, 1);
  clock.advance(1);
  answer = new TriplaneError("unavailable", "away");
  await assert.rejects(stands(LEASE), { code: "unavailable" });
  answer = false;
  assert.equal(await stands(LEASE), false);
  answer = true;
  clock.advance(1_000_000);
  assert.equal(await stands(LEASE), false);
  assert.equal(asked, 3);
});
