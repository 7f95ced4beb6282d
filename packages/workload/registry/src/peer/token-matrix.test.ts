// Every namespace × role × action, asked by oras over the token protocol, in front of real registries: what is allowed works, what is not is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nowSeconds } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { MANIFEST_TYPE, zotArtifacts } from "../adapters/zot-artifacts.ts";
import { BACKENDS, whyMissing } from "../testing/backends.ts";
import { type Login, type OrasAnswer, orasAs } from "../testing/oras.ts";
import { type RegistryPlace, startRegistry } from "../testing/registry-place.ts";
import { ACTIONS, type Action } from "../tokens/access.ts";
import { issueRegistryAccess } from "../tokens/issue.ts";
import { ROLE_NAMES } from "../tokens/roles.ts";

const REPO = "acme/api";
const LEASE = `lease-${"0".repeat(31)}1`;
const NAMESPACES = ["images", "cache", "golden", "crates", "sccache"] as const;

/** The whole of what is allowed, written down a second time, by hand. */
const ALLOWED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  woodpecker: { images: "pull push", cache: "pull push" },
  deployer: { images: "pull" },
  "golden-builder": { golden: "pull push" },
  pool: { golden: "pull" },
  "crate-publisher": {},
  developer: { images: "pull" },
  janitor: { images: "pull delete", cache: "pull delete", golden: "pull delete" },
  runner: { images: "pull push", cache: "pull push" },
  "runner of another repository": {},
  "runner whose lease is over": {},
  "wrong secret": {},
  nobody: {},
};

async function seed(place: RegistryPlace, repository: string, tag: string): Promise<void> {
  const store = zotArtifacts({ url: place.backend.url, issuer: place.issuer, clock: systemClock });
  const config = await store.putBlob(repository, "application/vnd.oci.empty.v1+json", Buffer.from("{}"));
  const layer = await store.putBlob(repository, "application/octet-stream", Buffer.from(`${repository}:${tag}`));
  const artifactType = "application/vnd.test";
  await store.putManifest(repository, tag, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType,
    config,
    layers: [layer],
    annotations: {},
  });
}

function logins(place: RegistryPlace): Readonly<Record<string, Login | undefined>> {
  const nowS = nowSeconds(systemClock);
  const runner = (leaseId: string, repo: string): Login => {
    const { token } = issueRegistryAccess(place.issuer, { leaseId, repo, nowS, expiresAtS: nowS + 600 });
    return { username: leaseId, password: token };
  };
  const over = `lease-${"0".repeat(31)}2`;
  const other = `lease-${"0".repeat(31)}3`;
  place.leases.add(LEASE).add(other);
  return {
    ...Object.fromEntries(ROLE_NAMES.map((role) => [role, { username: role, password: place.secrets[role] }])),
    runner: runner(LEASE, REPO),
    "runner of another repository": runner(other, "acme/other"),
    "runner whose lease is over": runner(over, REPO),
    "wrong secret": { username: "woodpecker", password: place.secrets.deployer },
    nobody: undefined,
  };
}

for (const backend of BACKENDS) {
  test(`peer oras, ${backend}: every namespace × role × action is as the matrix says`, { timeout: 400_000 }, async (context) => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    await using place = await startRegistry(backend);
    const who = logins(place);
    assert.deepEqual(Object.keys(who).sort(), Object.keys(ALLOWED).sort());
    for (const namespace of NAMESPACES) await seed(place, `${namespace}/${REPO}`, "there");
    const store = zotArtifacts({ url: place.backend.url, issuer: place.issuer, clock: systemClock });
    const wrong: string[] = [];
    let cells = 0;
    for (const [name, login] of Object.entries(who)) {
      const oras = await orasAs(place, login);
      for (const namespace of NAMESPACES) {
        const image = `${place.registry}/${namespace}/${REPO}`;
        const stored = async (tag: string): Promise<boolean> => (await store.manifest(`${namespace}/${REPO}`, tag)) !== undefined;
        // What counts is what happened behind the gateway: `--force` calls a refusal a success.
        const act: Readonly<Record<Action, () => Promise<OrasAnswer>>> = {
          pull: () => oras("pull", "--no-tty", `${image}:there`),
          push: async () => {
            const tag = `new-${cells}`;
            const { text } = await oras("push", "--no-tty", `${image}:${tag}`, "file.txt");
            return { ok: await stored(tag), text };
          },
          delete: async () => {
            await seed(place, `${namespace}/${REPO}`, "doomed");
            const { text } = await oras("manifest", "delete", "--force", `${image}:doomed`);
            return { ok: !(await stored("doomed")), text };
          },
        };
        for (const action of ACTIONS) {
          const isAllowed = (ALLOWED[name]?.[namespace] ?? "").split(" ").includes(action);
          const answer = await act[action]();
          cells += 1;
          if (answer.ok !== isAllowed) wrong.push(`${name} ${action} ${namespace}: ${answer.text.trim()}`);
          // A refusal is one of rights, not of something that broke.
          else if (!answer.ok && !/401|403|404|unauthorized|denied|not found|name unknown|missing|credential/i.test(answer.text))
            wrong.push(`${name} ${action} ${namespace}: ${answer.text}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
    context.diagnostic(`${cells} cells of the matrix hold`);
  });
}
