import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, TriplaneError } from "@triplane/contract";
import type { Releases } from "../catalog/catalog.ts";
import type { ComponentDefinition } from "../catalog/definition.ts";
import type { InstanceState } from "../model.ts";
import { newJti } from "../testing.ts";
import type { ConvergeRequest, ConvergeResult } from "./driver.ts";
import { DriverSet } from "./driver-set.ts";

class Recorder {
  readonly calls: string[] = [];
  readonly targets = new Set<string>();
  ok = true;

  async converge({ target, want }: ConvergeRequest): Promise<ConvergeResult> {
    this.calls.push(`${want === undefined ? "remove" : "put"} ${target}`);
    if (!this.ok) return { ok: false, message: "no", evidence: {} };
    if (want === undefined) this.targets.delete(target);
    else this.targets.add(target);
    return { ok: true, endpoints: [], evidence: {} };
  }

  has(target: string): boolean {
    return this.targets.has(target);
  }

  health(target: string): "healthy" | "stopped" {
    return this.targets.has(target) ? "healthy" : "stopped";
  }
}

/** The component's version says its driver. */
const release: Releases = async (component, definition) => {
  const driver = definition === digestOf("File") ? "File" : definition === digestOf("Process") ? "Process" : undefined;
  if (driver === undefined) throw new TriplaneError("apply_failed", `the release of ${component} is not there`);
  return { definition: { driver } as ComponentDefinition, directory: "/" };
};

function set() {
  const [process, file] = [new Recorder(), new Recorder()];
  return { process, file, drivers: new DriverSet({ release, process, file }) };
}

function state(driver: string): InstanceState {
  const about = { component: "c", version: "1.0.0", replicas: 1, settings: {}, managed_by: "op" } as const;
  return { ...about, definition: digestOf(driver), generation: newJti() };
}

const ask = (want: InstanceState | undefined, previous?: InstanceState): ConvergeRequest => ({
  ...{ target: "t", want, previous, jti: newJti() },
});

test("DriverSet: the component says the driver", async () => {
  const { process, file, drivers } = set();
  await drivers.converge(ask(state("File")));
  assert.deepEqual([file.calls, process.calls, drivers.health("t")], [["put t"], [], "healthy"]);
  await drivers.converge(ask(undefined, state("File")));
  assert.deepEqual([file.calls, process.calls, drivers.health("t")], [["put t", "remove t"], [], "stopped"]);
});

test("DriverSet: another driver for the same instance takes over before the old one lets go", async () => {
  const { process, file, drivers } = set();
  await drivers.converge(ask(state("Process")));
  file.ok = false;
  assert.ok(!(await drivers.converge(ask(state("File"), state("Process")))).ok);
  assert.deepEqual(process.calls, ["put t"]);
  file.ok = true;
  assert.ok((await drivers.converge(ask(state("File"), state("Process")))).ok);
  assert.deepEqual(process.calls, ["put t", "remove t"]);
});

test("DriverSet: a release that is not there fails the op and touches nothing; what it ran can still be removed", async () => {
  const { process, file, drivers } = set();
  const failed = await drivers.converge(ask(state("lost")));
  assert.deepEqual([failed.ok, process.calls, file.calls], [false, [], []]);
  await drivers.converge(ask(state("File")));
  await drivers.converge(ask(undefined, state("lost")));
  assert.deepEqual(file.calls, ["put t", "remove t"]);
});
