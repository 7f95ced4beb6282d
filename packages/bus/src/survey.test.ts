// The survey sees what is wrong where a connection would only refuse, and its alarms arrive.
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { streamNames } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { rejects, startNats, type TestNats } from "@triplane/testkit";
import { openConnection } from "./connection.ts";
import { raiseAlarm, surveyBus } from "./survey.ts";

const VALIDATOR = { role: "validator" } as const;
const streams = streamNames("w1");
let nats: TestNats;
let provisioner: NatsConnection;

before(async () => {
  nats = await startNats();
  const identity = { role: "provisioner" } as const;
  provisioner = await openConnection({ servers: nats.url, identity, nkeySeed: nats.keyOf(identity).seed, logger: silentLogger });
});
after(async () => {
  await provisioner.close();
  await nats.close();
});

const options = () => ({ servers: nats.url, workspace: "w1", nkeySeed: nats.keyOf(VALIDATOR).seed, logger: silentLogger });

it("surveyBus: all as agreed", async () => {
  const survey = await surveyBus(options());
  assert.deepEqual([survey.streams.length, survey.consumers.length, survey.syncProblem], [8, 4, undefined]);
  assert.ok(survey.streams.every(({ found, differences }) => found && differences.length === 0));
  assert.ok(survey.consumers.every(({ found, differences }) => found && differences.length === 0));
  assert.deepEqual(survey.streams.find(({ name }) => name === streams.cmd)?.consumers, ["ops-controller"]);
});

it("surveyBus: a work queue that became a log, and then has a second consumer (ops-controller-single-workqueue-consumer)", async () => {
  const manager = await jetstreamManager(provisioner);
  const { config } = await manager.streams.info(streams.cmd);
  // While it is a work queue, the broker takes no second consumer.
  await assert.rejects(manager.consumers.add(streams.cmd, { durable_name: "spy", ack_policy: "explicit" }), /workqueue/);
  await manager.streams.delete(streams.cmd);
  await manager.streams.add({ ...config, retention: "limits" });
  for (const name of ["ops-controller", "spy"]) await manager.consumers.add(streams.cmd, { durable_name: name, ack_policy: "explicit" });
  const stream = (await surveyBus(options())).streams.find(({ name }) => name === streams.cmd);
  assert.deepEqual(
    stream?.differences.map(({ setting, actual }) => [setting, actual]),
    [["retention", "limits"]],
  );
  assert.deepEqual([...(stream?.consumers ?? [])].sort(), ["ops-controller", "spy"]);
  // Whoever would work with it does not even connect; an alarm gets through all the same.
  await rejects(nats.bus("controller"), "stream_mismatch");
  await raiseAlarm(options(), { at: 1, source: "validator", code: "validation_failed", message: "it is not as agreed" });
  assert.equal((await manager.streams.info(streams.alarm)).state.messages, 1);
});
