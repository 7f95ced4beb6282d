// Connecting: what is checked before anything is sent, and what goes wrong in words of ours.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { describe, it } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { streamNames, subjects, TriplaneError } from "@triplane/contract";
import { freePort, silentLogger } from "@triplane/kit";
import { eventually, rejects, startNats, type TestNats } from "@triplane/testkit";
import { assertServerVersion } from "./check.ts";
import { openConnection } from "./connection.ts";
import { createNatsKey } from "./nkeys.ts";
import { provision } from "./provision.ts";

const on = subjects("w1");
const streams = streamNames("w1");

describe("connectBus: checks", () => {
  it("refuses a server that was never provisioned with stream_missing", async () => {
    await using nats = await startNats({ provisioned: false });
    await rejects(nats.bus("keeper"), "stream_missing");
  });

  it("pitfall 1: persist-before-ack: refuses a server that confirms before it syncs, and so does provision", async () => {
    const editConfig = (config: string) => config.replace("sync_interval: always", 'sync_interval: "10s"');
    await using nats = await startNats({ provisioned: false, editConfig });
    const refused = await rejects(nats.bus("controller"), "stream_mismatch");
    assert.match(refused.message, /sync_interval/);
    const { seed } = nats.keyOf({ role: "provisioner" });
    await rejects(provision({ servers: nats.url, workspace: "w1", nkeySeed: seed, logger: silentLogger }), "stream_mismatch");
  });

  it("refuses settings that differ, names each, and rewrites nothing", async () => {
    await using nats = await startNats();
    await using admin = await provisioner(nats);
    const { manager, seed } = admin;
    await manager.streams.update(streams.audit, { max_bytes: 1_000_000, max_age: 3_600_000_000_000 });
    await manager.consumers.update(streams.cmd, "ops-controller", { max_ack_pending: 7 });
    const refused = await rejects(
      provision({ servers: nats.url, workspace: "w1", nkeySeed: seed, logger: silentLogger }),
      "stream_mismatch",
    );
    for (const said of [
      "OPS_AUDIT_w1: max_age is 3600000000000, must be 0",
      "max_bytes is 1000000",
      "OPS_CMD_w1/ops-controller: max_ack_pending is 7, must be 256",
    ])
      assert.ok(refused.message.includes(said), `${refused.message} should say ${said}`);
    assert.equal((await manager.streams.info(streams.audit)).config.max_bytes, 1_000_000);
    await rejects(nats.bus("controller"), "stream_mismatch");
    await rejects(nats.bus("mirror"), "stream_mismatch");
    // What an identity cannot see and does not need does not stop it.
    await (await nats.bus("keeper")).close();
  });

  it("refuses a stream that would copy its messages elsewhere", async () => {
    await using nats = await startNats();
    await using admin = await provisioner(nats);
    await admin.manager.streams.update(streams.cmd, { republish: { src: ">", dest: "copied.>" } });
    const refused = await rejects(nats.bus("controller"), "stream_mismatch");
    assert.match(refused.message, /OPS_CMD_w1: republish is/);
  });

  it("refuses an older server before it says who it is", async () => {
    const port = await freePort();
    const old = await fakeServer(port, "2.13.9");
    await rejects(
      openConnection({
        servers: `nats://127.0.0.1:${port}`,
        identity: { role: "keeper" },
        nkeySeed: createNatsKey().seed,
        logger: silentLogger,
      }),
      "bus_too_old",
    );
    old.close();
  });

  it("tells a credential that came too late from one that was refused", async () => {
    for (const [said, code] of [
      ["Authentication Timeout", "bus_unreachable"],
      ["Authorization Violation", "bus_denied"],
    ] as const) {
      const port = await freePort();
      const busy = await fakeServer(port, "2.15.1", `-ERR '${said}'\r\n`);
      const connecting = { servers: `nats://127.0.0.1:${port}`, identity: { role: "keeper" }, nkeySeed: createNatsKey().seed } as const;
      await rejects(openConnection({ ...connecting, logger: silentLogger }), code);
      busy.close();
    }
  });

  it("assertServerVersion: pitfall 3: 2.14 and later, whatever follows; nothing that it cannot read", () => {
    for (const version of ["2.14.0", "2.14.0-RC.1", "2.15.1", "3.0.0", "10.0.0"]) assertServerVersion(version);
    for (const version of ["2.13.9", "2.9.10", "1.99.0", "", "unknown", "2", "v2.x.1"]) {
      assert.throws(
        () => assertServerVersion(version),
        (error) => error instanceof TriplaneError && error.code === "bus_too_old",
        version,
      );
    }
  });
});

describe("connectBus: failures", () => {
  it("bus_unreachable where no server listens", async () => {
    await using nats = await startNats({ provisioned: false });
    await nats.kill();
    await rejects(nats.bus("keeper"), "bus_unreachable");
  });

  it("bus_denied for an unknown key, for no key, and for text that is no seed", async () => {
    await using nats = await startNats();
    await rejects(nats.bus("keeper", { nkeySeed: createNatsKey().seed }), "bus_denied");
    const secret = `${createNatsKey().seed.slice(0, 30)}TYPO`;
    const refused = await rejects(nats.bus("keeper", { nkeySeed: secret }), "bus_denied");
    assert.ok(!JSON.stringify([refused.message, refused.details, String(refused.cause)]).includes(secret.slice(0, 12)));
    await assert.rejects(connect({ servers: nats.url, maxReconnectAttempts: 0 }));
  });

  it("one role's key is not another's: the keeper's key has the keeper's rights under any name", async () => {
    await using nats = await startNats();
    await rejects(nats.bus("controller", { nkeySeed: nats.keyOf({ role: "keeper" }).seed }), "bus_denied");
  });

  it("publish_unconfirmed where the server does not answer: it may be stored, and sending it again is harmless", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("keeper", { requestTimeoutMs: 200 });
    nats.pause();
    await rejects(bus.publish(on.cmd, "x"), "publish_unconfirmed");
    await rejects(bus.last(streams.review, on.review("x")), "bus_unreachable");
    nats.resume();
    const ack = await eventually(() => bus.publish(on.cmd, "x"));
    // What was never confirmed had arrived: this is the second.
    assert.deepEqual(ack, { streamSeq: 2 });
  });

  it("bus_unreachable while the server is gone; what is asked for in time waits for the connection to come back", async () => {
    await using nats = await startNats();
    const patient = await nats.bus("keeper");
    const hasty = await nats.bus("keeper-cli", { requestTimeoutMs: 100 });
    const queue = await patient.consumer(streams.pending, "keeper");
    const pulling = queue.next({ waitMs: 60_000 });
    await nats.kill();
    // The pull ends with the connection that carried it, not a minute later.
    assert.equal(await pulling, undefined);
    // The other connection hears of it by itself; until then a publish may have gone out.
    await eventually(() => rejects(hasty.publish(on.cmd, "y"), "bus_unreachable"));
    const published = patient.publish(on.cmd, "x");
    await nats.restart();
    assert.ok((await published).streamSeq > 0);
    assert.equal(await queue.next({ waitMs: 50 }), undefined);
  });

  it("stream_missing when what was there at the start is taken away", async () => {
    await using nats = await startNats();
    await using admin = await provisioner(nats);
    const bus = await nats.bus("keeper", { requestTimeoutMs: 1000 });
    const queue = await bus.consumer(streams.pending, "keeper");
    const pulling = rejects(queue.next({ waitMs: 30_000 }), "stream_missing");
    await eventually(async () => (await admin.manager.consumers.info(streams.pending, "keeper")).num_waiting === 1);
    await admin.manager.consumers.delete(streams.pending, "keeper");
    await pulling;
    await rejects(bus.consumer(streams.pending, "keeper"), "stream_missing");
    for (const stream of [streams.review, streams.cmd]) await admin.manager.streams.delete(stream);
    await rejects(bus.last(streams.review, on.review("x")), "stream_missing");
    await rejects(bus.all(streams.review, on.reviewAll), "stream_missing");
    await rejects(bus.streamState(streams.review), "stream_missing");
    await rejects(bus.publish(on.cmd, "x"), "stream_missing");
  });

  it("pitfall 7: stream_full when a stream has reached its limit, and nothing is pushed out", async () => {
    await using nats = await startNats();
    await using admin = await provisioner(nats);
    const bus = await nats.bus("controller");
    await bus.publish(on.audit, "kept");
    await admin.manager.streams.update(streams.audit, { max_msgs: 1 });
    await rejects(bus.publish(on.audit, "too many"), "stream_full");
  });

  it("token_too_large for more than the stream or the server takes", async () => {
    await using nats = await startNats({ identities: [{ role: "operator", principal: "alice" }] });
    const alice = await nats.bus({ role: "operator", principal: "alice" });
    for (const sizeBytes of [40 * 1024, 400 * 1024]) await rejects(alice.publish(on.pending, "x".repeat(sizeBytes)), "token_too_large");
  });

  it("closed: tells an orderly end from being thrown out", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("keeper");
    await bus.close();
    assert.equal(await bus.closed, undefined);
    await rejects(bus.publish(on.cmd, "x"), "bus_unreachable");
  });

  it("closes itself when it is led back to an older server", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("keeper");
    await nats.kill();
    const old = await fakeServer(Number(new URL(nats.url).port), "2.9.10");
    assert.equal((await bus.closed)?.code, "bus_too_old");
    await rejects(bus.publish(on.cmd, "x"), "bus_too_old");
    old.close();
  });
});

describe("provision", () => {
  it("creates what is missing, and a second time nothing", async () => {
    await using nats = await startNats({ provisioned: false });
    const options = { servers: nats.url, workspace: "w1", nkeySeed: nats.keyOf({ role: "provisioner" }).seed, logger: silentLogger };
    const first = await provision(options);
    assert.deepEqual(first.unchanged, []);
    assert.equal(first.created.length, 6 + 2 + 4);
    assert.deepEqual(await provision(options), { created: [], unchanged: first.created });
  });

  it("creates nothing where streams are missing that a past is known to have had (no-fail-open)", async () => {
    await using nats = await startNats();
    const options = { servers: nats.url, workspace: "w1", nkeySeed: nats.keyOf({ role: "provisioner" }).seed, logger: silentLogger };
    await using admin = await provisioner(nats);
    const ranBefore = "the ledger has 3 records";
    assert.deepEqual((await provision({ ...options, ranBefore })).created, []);
    await admin.manager.streams.delete(streams.answer);
    assert.deepEqual((await provision({ ...options, ranBefore })).created, [streams.answer], "answers are a convenience");
    await admin.manager.streams.delete("KV_OPS_SEQ_w1");
    await assert.rejects(provision({ ...options, ranBefore }), (error: TriplaneError) => {
      assert.equal(error.code, "state_lost");
      assert.match(error.message, /KV_OPS_SEQ_w1, and the ledger has 3 records/);
      return true;
    });
    assert.deepEqual((await provision(options)).created, ["KV_OPS_SEQ_w1"]);
  });

  it("makes a lost lease bucket anew with fences above all that the lost one gave", async () => {
    await using nats = await startNats();
    const options = { servers: nats.url, workspace: "w1", nkeySeed: nats.keyOf({ role: "provisioner" }).seed, logger: silentLogger };
    const request = { key: "ops-controller", owner: "one", ttlMs: 5000 };
    const bus = await nats.bus("controller");
    const before = await bus.acquireLease("OPS_LEASE_w1", request);
    await before.release();
    await using admin = await provisioner(nats);
    await admin.manager.streams.delete("KV_OPS_LEASE_w1");
    await provision(options);
    const after = await bus.acquireLease("OPS_LEASE_w1", request);
    assert.ok(after.fence > before.fence, `${after.fence} is above ${before.fence}`);
    await after.release();
  });

  it("keeps what was confirmed when the server is killed and started again", async () => {
    await using nats = await startNats();
    const bus = await nats.bus("controller", { requestTimeoutMs: 500 });
    for (let index = 0; index < 20; index += 1) await bus.publish(on.audit, `record ${index}`);
    await nats.kill();
    await nats.restart();
    assert.equal((await eventually(() => bus.streamState(streams.audit))).messages, 20);
  });
});

interface Provisioner extends AsyncDisposable {
  readonly manager: JetStreamManager;
  readonly seed: string;
}

async function provisioner(nats: TestNats): Promise<Provisioner> {
  const identity = { role: "provisioner" } as const;
  const { seed } = nats.keyOf(identity);
  const connection = await openConnection({ servers: nats.url, identity, nkeySeed: seed, logger: silentLogger });
  return { manager: await jetstreamManager(connection), seed, [Symbol.asyncDispose]: () => connection.close() };
}

/** Speaks just enough of the protocol to be taken for a server of that version. */
async function fakeServer(port: number, version: string, answer = "PONG\r\n"): Promise<Server> {
  const info = { server_id: "OLD", version, proto: 1, headers: true, max_payload: 1024, nonce: "bm9uY2U", auth_required: true };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (data) => {
      if (data.toString("latin1").includes("PING")) socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  server.unref();
  return server;
}
