// The pure parts: identities, rendered configuration, compared settings, ack subjects, keys.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createAccount, createUser, fromSeed } from "@nats-io/nkeys";
import { nkeyAuthenticator } from "@nats-io/transport-node";
import { consumerSettings, type FailureCode, streamSettings, TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { grantsOf, type Identity, identityName, parseIdentity, SERVICE_ROLES } from "./identities.ts";
import { createNatsKey, natsAuthenticator, natsKeyFromSeed } from "./nkeys.ts";
import { type NatsConfigOptions, natsConfig } from "./server-config.ts";
import { compareConsumer, compareStream } from "./settings.ts";
import { decodeText } from "./text.ts";
import { parseAckSubject } from "./work.ts";

const ALICE: Identity = { role: "operator", principal: "alice" };
const throwsCode = (body: () => unknown, code: FailureCode): void => {
  assert.throws(body, (error) => error instanceof TriplaneError && error.code === code);
};

describe("identityName", () => {
  it("is read back by parseIdentity", () => {
    const identities: readonly Identity[] = [
      ...SERVICE_ROLES.map((role) => ({ role })),
      ALICE,
      { role: "approver", principal: "bob-2" },
      { role: "break-glass", principal: "bob" },
    ];
    for (const identity of identities) assert.deepEqual({ ...parseIdentity(identityName(identity)) }, { ...identity });
  });

  it("refuses principals that would be more than one token", () => {
    for (const principal of ["", "a.b", "*", ">", "a b", "A", "-a", "a".repeat(40)]) {
      throwsCode(() => identityName({ role: "operator", principal }), "usage");
      throwsCode(() => parseIdentity(`operator-${principal}`), "usage");
    }
    throwsCode(() => parseIdentity("root"), "usage");
  });
});

describe("grantsOf", () => {
  it("only the provisioner holds a wildcard over the JetStream API, and nobody holds one over subjects of ops", () => {
    const identities: readonly Identity[] = [...SERVICE_ROLES.filter((role) => role !== "provisioner").map((role) => ({ role })), ALICE];
    for (const identity of identities) {
      for (const { subject } of grantsOf(identity, "w1")) {
        assert.ok(!/^(\$JS\.API\.)?[*>]/.test(subject), subject);
        assert.ok(!/^ops\.(?:>|\*)/.test(subject), subject);
        assert.ok(!/(CREATE|UPDATE|DELETE|PURGE|LEADER|SNAPSHOT|RESTORE|PAUSE)/.test(subject), subject);
      }
    }
  });

  it("names each subject once: the server refuses an import that comes twice", () => {
    for (const role of SERVICE_ROLES) {
      const subjects = grantsOf({ role }, "w1").map((grant) => grant.subject);
      assert.equal(new Set(subjects).size, subjects.length);
    }
  });
});

describe("natsConfig", () => {
  const options: NatsConfigOptions = {
    workspace: "w1",
    port: 4222,
    storeDir: "/data",
    users: [{ identity: ALICE, publicKey: createNatsKey().publicKey }],
  };

  it("sets sync_interval: always, listens on loopback, and has no user without a key", () => {
    const text = natsConfig(options);
    assert.match(text, /sync_interval: always/);
    assert.match(text, /listen: "127\.0\.0\.1:4222"/);
    assert.ok(!text.includes("no_auth_user"));
    assert.ok(!text.includes("password"));
  });

  it("refuses what could break out of its quotes", () => {
    throwsCode(() => natsConfig({ ...options, storeDir: '/data"\n}' }), "usage");
    assert.match(natsConfig({ ...options, storeDir: '/da"ta\\x' }), /store_dir: "\/da\\"ta\\\\x"/);
    throwsCode(() => natsConfig({ ...options, workspace: 'w1"}' }), "workspace_invalid");
    throwsCode(() => natsConfig({ ...options, users: [{ identity: ALICE, publicKey: "U }" }] }), "bus_denied");
  });

  it("refuses one identity with two keys", () => {
    throwsCode(() => natsConfig({ ...options, users: [...options.users, ...options.users] }), "usage");
  });
});

describe("deploy/nats/nats-server.conf", () => {
  const example = readFileSync(new URL("../../../deploy/nats/nats-server.conf", import.meta.url), "utf8");
  const identities: readonly Identity[] = [...SERVICE_ROLES.map((role) => ({ role })), ALICE, { role: "approver", principal: "bob" }];

  it("is what natsConfig renders for its keys", () => {
    const keys = [...example.matchAll(/nkey: (U[A-Z2-7]{55})/g)].map((match) => match[1] ?? "");
    const users = identities.map((identity, index) => ({ identity, publicKey: keys[index] ?? "" }));
    const rendered = natsConfig({ workspace: "libre-wuji", port: 4222, storeDir: "/var/lib/triplane/nats", users });
    assert.equal(example.slice(example.indexOf("# Written by")), rendered);
  });

  it("is accepted by nats-server", async () => {
    const { path } = await findTool("nats-server");
    const file = fileURLToPath(new URL("../../../deploy/nats/nats-server.conf", import.meta.url));
    const { status, stderr } = spawnSync(path, ["-t", "-c", file], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });
});

describe("compareStream, compareConsumer", () => {
  const stream = streamSettings("w1")[0];
  const consumer = consumerSettings("w1")[0];
  assert.ok(stream && consumer);

  it("find nothing where all is as demanded, also where the server leaves out false and zero", () => {
    const { max_age: _, allow_direct: __, ...told } = { ...stream, subjects: [...stream.subjects] };
    assert.deepEqual(compareStream(stream, told), []);
    assert.deepEqual(compareConsumer(consumer, { ...consumer, replay_policy: "instant" }), []);
  });

  it("find every changed setting and every forbidden feature", () => {
    const actual = { ...stream, subjects: ["ops.pending.w1", "more"], deny_purge: false, sealed: true, mirror: { name: "X" } };
    const found = compareStream(stream, actual).map((difference) => difference.setting);
    assert.deepEqual(found.sort(), ["deny_purge", "mirror", "sealed", "subjects"]);
    const changed = { ...consumer, replay_policy: "original" as const, max_deliver: 3, backoff: [1] };
    assert.deepEqual(
      compareConsumer(consumer, changed)
        .map((difference) => difference.setting)
        .sort(),
      ["backoff", "max_deliver", "replay_policy"],
    );
  });
});

describe("parseAckSubject", () => {
  it("reads both forms", () => {
    const expected = { deliveries: 2, streamSeq: 7, storedAtMs: 1_795_377_032_769 };
    assert.deepEqual(parseAckSubject("$JS.ACK.S.C.2.7.9.1795377032769440291.0"), expected);
    assert.deepEqual(parseAckSubject("$JS.ACK.hub.hash.S.C.2.7.9.1795377032769440291.0"), expected);
    assert.deepEqual(parseAckSubject("$JS.ACK._.hash.S.C.2.7.9.1795377032769440291.0.token"), expected);
  });

  it("reads nothing else", () => {
    for (const subject of ["", "_INBOX.x", "$JS.ACK", "$JS.ACK.S.C.a.b.c.d.e", "$JS.ACK.S.C.1.2.3.4", "$JS.API.S.C.2.7.9.1.0"])
      assert.equal(parseAckSubject(subject), undefined);
  });
});

describe("nkeys and text", () => {
  it("natsKeyFromSeed: the same key again, spaces around it forgiven", () => {
    const key = createNatsKey();
    assert.deepEqual(natsKeyFromSeed(`${key.seed}\n`), key);
    throwsCode(() => natsKeyFromSeed(""), "bus_denied");
  });

  it("nkeys agree with the library of their inventors: texts, and what the server's challenge is answered", () => {
    for (let round = 0; round < 20; round += 1) {
      const ours = createNatsKey();
      const same = fromSeed(Buffer.from(ours.seed));
      assert.equal(same.getPublicKey(), ours.publicKey);
      const theirs = createUser();
      const seed = Buffer.from(theirs.getSeed()).toString();
      assert.equal(natsKeyFromSeed(seed).publicKey, theirs.getPublicKey());
      for (const nonce of [undefined, `nonce-${round}`])
        assert.deepEqual(natsAuthenticator(seed)(nonce), nkeyAuthenticator(Buffer.from(seed))(nonce));
    }
  });

  it("natsKeyFromSeed: the seed of an account, another letter, one more or fewer is bus_denied, and not quoted", () => {
    const { seed } = createNatsKey();
    const other = seed.at(20) === "A" ? "B" : "A";
    const account = Buffer.from(createAccount().getSeed()).toString();
    for (const wrong of [account, `${seed.slice(0, 20)}${other}${seed.slice(21)}`, `${seed}A`, seed.slice(0, -1), seed.toLowerCase(), "é"])
      assert.throws(
        () => natsKeyFromSeed(wrong),
        (error) => error instanceof TriplaneError && error.code === "bus_denied" && !error.message.includes(wrong),
      );
  });

  it("decodeText: undefined for what is not UTF-8", () => {
    assert.equal(decodeText(Uint8Array.from([0xff, 0xfe])), undefined);
    assert.equal(decodeText(new TextEncoder().encode("é")), "é");
  });
});
